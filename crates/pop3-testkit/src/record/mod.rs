//! Recording a real session into a transcript, and serving it again.
