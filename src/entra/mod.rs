//! Microsoft Entra ID: how we prove who we are, the tokens we get for it, and what they permit.

pub mod claims;
pub mod consent;
pub mod credential;
pub mod rejection;
pub mod token;
