//! What the README and `docs` say: each command runs, each example is what it claims to be, each link leads somewhere and each
//! name is one that exists.

mod commands;
mod examples;
mod links;
mod names;
mod pages;
mod roles;
