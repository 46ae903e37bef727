//! Two machines and a model of what they should do together.

pub(crate) mod machines;
pub(crate) mod model;
