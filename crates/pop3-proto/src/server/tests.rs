//! Placeholder for what transcripts cannot show.
