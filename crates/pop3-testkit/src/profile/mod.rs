//! The known dialects: capabilities, texts and faults of servers in the field, as data.
