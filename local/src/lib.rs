//! Runs the Lambda functions on this machine, each in a process of its own as Lambda runs them.
//!
//! - [`runtime_api`]: a function behind the Lambda Runtime API, invoked from Rust;
//! - [`gateway`]: all functions behind an HTTP gateway with the deployed stack's routes;
//! - [`console`]: the page that a browser sees there;
//! - [`event`]: an operation's input as each trigger delivers it;
//! - [`faults`]: what the simulated tenant can be told to do wrong;
//! - [`description`]: what there is to run, for people and programs;
//! - [`operations`]: the table of what there is to run.

pub mod console;
pub mod description;
pub mod event;
pub mod faults;
pub mod gateway;
pub mod operations;
mod own_thread;
pub mod runtime_api;
