"""Masked language modelling: domain-adaptive pretraining."""
