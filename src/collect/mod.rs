//! Collecting: everything that was updated since the last run goes to a sink, and then the checkpoint moves.
//!
//! A [`run`] takes its turn by the [`checkpoint`] and lets its source read: [`updates`] walk incidents and alerts, [`hunt`] runs a query
//! over a window. What they find becomes an [`event`], which a [`sink`] delivers.

pub mod checkpoint;
pub mod event;
pub mod hunt;
mod memory;
pub mod ocsf;
pub mod run;
mod seen;
pub mod sink;
mod update;
pub mod updates;
mod walk;
