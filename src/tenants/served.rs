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
        if let Some(standing) = self.said(tenant, now) {
            return Ok(standing);
        }
        let registered = Registry::of(call)?.get(tenant).await?;
        let standing = registered.map(|registered| registered.state);
        self.keep(tenant, standing, now, MOST);
        Ok(standing)
    }

    /// What was said, if that still counts.
    fn said(&self, tenant: &Tenant, now: Timestamp) -> Option<Option<Standing>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = all.get(tenant).filter(|said| now < said.until);
        said.map(|said| said.standing)
    }

    /// Remembers what was said when it was asked `now`, unless `most` others count already.
    fn keep(&self, tenant: &Tenant, standing: Option<Standing>, now: Timestamp, most: usize) {
        let kept = match standing.is_some_and(Standing::is_served) {
            true => SERVED,
            false => REFUSED,
        };
        let until = now.checked_add(kept).unwrap_or(now);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What was said before counts no longer, whether or not there is room for this.
        all.remove(tenant);
        if all.len() >= most {
            all.retain(|_, said| now < said.until);
        }
        if all.len() < most {
            all.insert(tenant.clone(), Said { standing, until });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 2;

    fn tenant(number: u32) -> Tenant {
        Tenant::parse(&format!("{number:08}-0000-4000-8000-000000000000")).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_tenant_that_was_removed_is_served_for_another_minute_at_most() {
        let served = Served::default();
        for standing in [Standing::Active, Standing::Incomplete] {
            served.keep(&tenant(1), Some(standing), at(0), ROOM);
            assert_eq!(served.said(&tenant(1), at(59)), Some(Some(standing)));
            assert_eq!(served.said(&tenant(1), at(60)), None);
        }
        served.keep(&tenant(1), None, at(60), ROOM);
        assert_eq!(served.said(&tenant(1), at(61)), Some(None));
    }

    #[test]
    fn who_is_refused_is_looked_up_again_after_five_seconds() {
        let served = Served::default();
        for standing in [None, Some(Standing::Invited)] {
            served.keep(&tenant(1), standing, at(0), ROOM);
            assert_eq!(served.said(&tenant(1), at(4)), Some(standing));
            assert_eq!(served.said(&tenant(1), at(5)), None);
        }
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let served = Served::default();
        served.keep(&tenant(1), Some(Standing::Active), at(0), ROOM);
        served.keep(&tenant(2), None, at(0), ROOM);
        served.keep(&tenant(3), None, at(0), ROOM);
        assert_eq!(served.said(&tenant(3), at(0)), None);
        // The refusal of the second one counts no longer, and makes room.
        served.keep(&tenant(3), None, at(5), ROOM);
        assert_eq!(served.said(&tenant(3), at(5)), Some(None));
        assert_eq!(served.0.lock().unwrap().len(), ROOM);
        // Nor does a full house let anybody be served by what was said before.
        served.keep(&tenant(1), None, at(6), ROOM);
        assert_eq!(served.said(&tenant(1), at(6)), Some(None));
    }
}
