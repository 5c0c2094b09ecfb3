"""What the operations keep and run: documents, pages, workflows, webhooks, and the data to begin with."""
