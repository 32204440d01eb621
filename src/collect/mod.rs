//! Collecting: everything that was updated since the last run goes to a sink, and then the checkpoint moves.

pub mod event;
pub mod ocsf;
pub mod sink;
