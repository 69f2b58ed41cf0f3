"""What is measured: kinematic facts, physical measures, evaluator and metrics."""
