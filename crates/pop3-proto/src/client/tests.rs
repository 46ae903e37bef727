//! What transcripts cannot show.
