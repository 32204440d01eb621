//! Microsoft Defender XDR, callable from AWS: one binary that is any of the Lambda functions in the table of operations.
//!
//! Read the modules in the order of a request: a [`trigger`] turns any event into an [`input`]; the [`function`]
//! finds out whose tenant it is about and runs its [`operation`]; an operation asks its [`call`], which proves who we are by [`entra`]
//! and sends by the [`client`].

pub mod error;
pub mod time;

pub mod api;
pub mod config;

mod aws;
mod dynamodb;
mod s3;
pub mod secrets;

pub mod client;
mod retry;

pub mod entra;

pub mod call;
pub mod odata;
pub mod page;

pub mod collect;
mod evidence;
mod examination;
pub mod input;
pub mod operation;
pub mod operations;
mod respond;
pub mod results;
pub mod tenants;

pub mod agent;
pub mod function;
pub mod telemetry;
pub mod trigger;
