//! All that a running simulator remembers, behind one lock.

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
    pub faults: Faults,
    pub requests: Vec<Request>,
    pub signer: Signer,
}

impl State {
    /// Brings every tenant's actions to where they stand now.
    pub fn settle(&mut self) {
        let now = self.clock.now();
        self.tenants
            .iter_mut()
            .for_each(|tenant| tenant.settle(now));
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
