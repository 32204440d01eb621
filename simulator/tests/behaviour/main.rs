//! The simulator over the socket, as a client meets it.

mod assertions;
mod aws;
mod challenges;
mod changes;
mod client;
mod consent;
mod control;
mod customers;
mod downloads;
mod endpoint;
mod entra;
mod faults;
mod graph;
mod hunting;
mod respond;
mod streams;
mod tokens;
mod xdr;
