"""KubeKey's file formats: the document written in each, and what a format cannot express."""
