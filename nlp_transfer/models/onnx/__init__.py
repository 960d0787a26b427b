"""Export encoders to ONNX and run them."""
