//! The text form of rules.
