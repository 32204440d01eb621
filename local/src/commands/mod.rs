//! The commands, one file each.

pub mod describe;
pub mod invoke;
pub mod list;
pub mod serve;
pub mod tools;
