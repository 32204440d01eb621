//! The commands, one file each.

pub mod completions;
pub mod describe;
pub mod events;
pub mod faults;
pub mod invoke;
pub mod list;
pub mod serve;
pub mod tools;
