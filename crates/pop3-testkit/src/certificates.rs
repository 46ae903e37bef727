//! A throw-away certification authority and what it signs.
