//! The commands, one file each.

pub mod invoke;
pub mod list;
pub mod serve;
