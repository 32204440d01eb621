//! All that a running simulator remembers, behind one lock.

use std::collections::HashSet;

use crate::aws::Aws;
use crate::aws::sts::IssuerKey;
use crate::clock::Clock;
use crate::entra::key::SigningKey;
use crate::faults::Faults;
use crate::request::Request;
use crate::storage::Signer;
use crate::tenant::Tenant;

pub(crate) struct State {
    pub origin: String,
    pub clock: Clock,
    pub key: SigningKey,
    pub tenants: Vec<Tenant>,
    /// The tenant, by its GUID or domain, of the administrator who is asked for consent.
    pub signed_in: String,
    pub faults: Faults,
    pub requests: Vec<Request>,
    pub signer: Signer,
    pub aws: Aws,
    pub aws_key: IssuerKey,
    /// Public keys (PKCS #1 DER) of further issuers that federated credentials may name.
    pub foreign_issuers: Vec<(String, Vec<u8>)>,
    /// The `jti` of every certificate's assertion so far.
    pub used_assertions: HashSet<String>,
}

impl State {
    /// Brings every tenant's actions to where they stand now.
    pub fn settle(&mut self) {
        let now = self.clock.now();
        self.tenants
            .iter_mut()
            .for_each(|tenant| tenant.settle(now));
    }

    /// Every issuer whose tokens can be verified, with its key.
    pub fn issuers(&self) -> Vec<(String, Vec<u8>)> {
        let mut issuers = self.foreign_issuers.clone();
        issuers.push((self.aws.issuer.clone(), self.aws_key.public().to_vec()));
        issuers
    }

    pub fn tenant(&mut self, id_or_domain: &str) -> Option<&mut Tenant> {
        self.tenants
            .iter_mut()
            .find(|tenant| tenant.is(id_or_domain))
    }
}

/// A fresh random GUID.
pub(crate) fn guid() -> String {
    let mut bytes: [u8; 16] = ring::rand::generate(&ring::rand::SystemRandom::new())
        .expect("the operating system gives random bytes")
        .expose();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
