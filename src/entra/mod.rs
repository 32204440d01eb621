//! Microsoft Entra ID: how we prove who we are, the tokens we get for it, and what they permit.

mod certificate;
pub mod challenge;
pub mod claims;
pub mod consent;
pub mod credential;
mod federation;
pub mod finding;
mod kept;
pub mod published;
pub mod rejection;
pub mod signature;
pub mod token;
pub mod want;
