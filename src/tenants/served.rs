//! Which tenants the registry lets callers name, remembered for a short while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Standing, registry::Registry};
use crate::{call::Call, config::Tenant, error::Result, time::Timestamp};

/// How long a tenant is served without another look. One that was removed is served no longer than that.
const SERVED: Duration = Duration::from_secs(60);

/// How long one is refused without another look: whoever waits for a consent should not wait for us too.
const REFUSED: Duration = Duration::from_secs(5);

/// So many are remembered at most; callers can name any number of tenants that there are not.
const MOST: usize = 10_000;

/// What the registry said lately.
#[derive(Debug, Default)]
pub struct Served(Mutex<HashMap<Tenant, Said>>);

#[derive(Clone, Copy, Debug)]
struct Said {
    standing: Option<Standing>,
    until: Timestamp,
}

impl Served {
    /// How far the tenant has come; none for one that is not registered.
    pub async fn standing(&self, call: &Call<'_>, tenant: &Tenant) -> Result<Option<Standing>> {
        let now = Timestamp::now();
        if let Some(said) = self.said(tenant).filter(|said| now < said.until) {
            return Ok(said.standing);
        }
        let registered = Registry::of(call)?.get(tenant).await?;
        let standing = registered.map(|registered| registered.state);
        let kept = match standing.is_some_and(Standing::is_served) {
            true => SERVED,
            false => REFUSED,
        };
        let until = now.checked_add(kept).unwrap_or(now);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, said| now < said.until);
        }
        if all.len() < MOST {
            all.insert(tenant.clone(), Said { standing, until });
        }
        Ok(standing)
    }

    fn said(&self, tenant: &Tenant) -> Option<Said> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(tenant).copied()
    }
}
