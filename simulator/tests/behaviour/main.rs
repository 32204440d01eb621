//! The simulator over the socket, as a client meets it.

mod changes;
mod client;
mod control;
mod downloads;
mod endpoint;
mod entra;
mod faults;
mod graph;
mod hunting;
mod respond;
mod xdr;
