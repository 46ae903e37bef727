//! What was said in a session, with secrets masked.
