"""Image classification: one label or several labels an image, such as the page of a document."""

NAME = "image_classification"
