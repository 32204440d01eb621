//! Something read once for all who want it: again when it has grown old, and when Entra has refused what was made of it.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{credential::Refused, token::out_of_time};
use crate::{
    error::Result,
    time::{Deadline, Timestamp},
};

/// The longest that reading it again may hold up a caller who could use what is there.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long what is there is used further when it could not be read again.
const RESPITE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Kept<T> {
    held: Mutex<Option<Held<T>>>,
    /// Whoever reads holds it; nobody waits for it who could use what is there.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Held<T> {
    value: Arc<T>,
    generation: u32,
    until: Timestamp,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            held: Mutex::new(None),
            reading: tokio::sync::Mutex::new(()),
        }
    }
}

impl<T> Kept<T> {
    /// Of what was read already.
    pub fn of(value: T, life: Duration) -> Self {
        let kept = Self::default();
        kept.put(value, life);
        kept
    }

    pub fn put(&self, value: T, life: Duration) {
        *self.lock() = Some(Held::new(value, 0, life));
    }

    /// The value and its generation; none where the one that was refused is still what `read` brings.
    ///
    /// A failure to read it again is nobody's problem while the one that is there has not been refused.
    pub async fn get(
        &self,
        deadline: Deadline,
        refused: Option<Refused>,
        is_same: impl Fn(&T, &T) -> bool,
        read: impl Future<Output = Result<(T, Duration)>>,
    ) -> Result<Option<(Arc<T>, u32)>> {
        let is_refused =
            |generation| refused.is_some_and(|refused| refused.generation == generation);
        let usable = || {
            let held = self.lock().as_ref().map(Held::share);
            held.filter(|(_, generation)| !is_refused(*generation))
        };
        if self.is_fresh()
            && let Some(known) = usable()
        {
            return Ok(Some(known));
        }
        if let Some(old) = usable() {
            // Somebody else is reading it already.
            let Ok(_reading) = self.reading.try_lock() else {
                return Ok(Some(old));
            };
            let patience = PATIENCE.min(deadline.remaining());
            match tokio::time::timeout(patience, read).await {
                Ok(Ok((value, life))) => self.replace(value, life, is_same),
                Ok(Err(error)) => self.rest(error.code().name()),
                Err(_) => self.rest("no answer in time"),
            }
            return Ok(usable());
        }
        let Some(_reading) = deadline.lock(&self.reading).await else {
            return Err(out_of_time());
        };
        // Somebody else may have read it in the meantime.
        if let Some(known) = usable() {
            return Ok(Some(known));
        }
        let (value, life) = read.await?;
        self.replace(value, life, is_same);
        Ok(usable())
    }

    fn is_fresh(&self) -> bool {
        let held = self.lock();
        held.as_ref()
            .is_some_and(|held| Timestamp::now() < held.until)
    }

    fn replace(&self, value: T, life: Duration, is_same: impl Fn(&T, &T) -> bool) {
        let mut slot = self.lock();
        let generation = match &*slot {
            Some(held) if is_same(&held.value, &value) => held.generation,
            Some(held) => held.generation + 1,
            None => 0,
        };
        *slot = Some(Held::new(value, generation, life));
    }

    /// Goes on with what is there, for a while.
    fn rest(&self, why: &str) {
        tracing::warn!(
            code = why,
            "the credential could not be read again; the one that is there is used further"
        );
        if let Some(held) = self.lock().as_mut() {
            held.until = after(RESPITE);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held<T>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn after(time: Duration) -> Timestamp {
    Timestamp::now().checked_add(time).unwrap_or(Timestamp::MAX)
}

impl<T> Held<T> {
    fn new(value: T, generation: u32, life: Duration) -> Self {
        Self {
            value: Arc::new(value),
            generation,
            until: after(life),
        }
    }

    fn share(&self) -> (Arc<T>, u32) {
        (self.value.clone(), self.generation)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::SystemTime,
    };

    use super::*;
    use crate::error::{Code, Error};

    const LONG: Duration = Duration::from_secs(900);

    fn deadline() -> Deadline {
        Deadline::of_lambda(SystemTime::now() + Duration::from_secs(30))
    }

    /// Gets it where reading it would bring `now`, and answers the value, its generation and whether it was read.
    async fn get(
        kept: &Kept<&'static str>,
        refused: Option<u32>,
        now: Result<&'static str>,
    ) -> (Result<Option<(&'static str, u32)>>, bool) {
        let reads = AtomicU32::new(0);
        let refused = refused.map(|generation| Refused {
            generation,
            by_time: false,
        });
        let read = async {
            reads.fetch_add(1, Ordering::Relaxed);
            now.map(|now| (now, LONG))
        };
        let known = kept.get(deadline(), refused, PartialEq::eq, read).await;
        let known = known.map(|known| known.map(|(value, generation)| (*value, generation)));
        (known, reads.into_inner() == 1)
    }

    fn failure() -> Result<&'static str> {
        Err(Error::new(Code::UpstreamUnavailable, "not now"))
    }

    #[tokio::test]
    async fn it_is_read_once_while_it_is_fresh() {
        let kept = Kept::default();
        assert!(matches!(
            get(&kept, None, Ok("a")).await,
            (Ok(Some(("a", 0))), true)
        ));
        assert!(matches!(
            get(&kept, None, Ok("b")).await,
            (Ok(Some(("a", 0))), false)
        ));
    }

    #[tokio::test]
    async fn it_is_read_again_when_it_is_old() {
        let kept = Kept::of("a", Duration::ZERO);
        assert!(matches!(
            get(&kept, None, Ok("b")).await,
            (Ok(Some(("b", 1))), true)
        ));
        assert!(matches!(
            get(&kept, None, Ok("c")).await,
            (Ok(Some(("b", 1))), false)
        ));
    }

    #[tokio::test]
    async fn what_is_old_serves_while_it_cannot_be_read_again() {
        let kept = Kept::of("a", Duration::ZERO);
        assert!(matches!(
            get(&kept, None, failure()).await,
            (Ok(Some(("a", 0))), true)
        ));
        let nothing = Kept::default();
        assert!(matches!(
            get(&nothing, None, failure()).await,
            (Err(_), true)
        ));
    }

    #[tokio::test]
    async fn what_was_refused_is_read_again_and_is_no_use_when_it_is_the_same() {
        let kept = Kept::of("a", LONG);
        assert!(matches!(
            get(&kept, Some(0), Ok("a")).await,
            (Ok(None), true)
        ));
        assert!(matches!(
            get(&kept, Some(0), failure()).await,
            (Err(_), true)
        ));
        assert!(matches!(
            get(&kept, Some(0), Ok("b")).await,
            (Ok(Some(("b", 1))), true)
        ));
        // Whoever was refused with the first one before gets the second one unread.
        assert!(matches!(
            get(&kept, Some(0), Ok("c")).await,
            (Ok(Some(("b", 1))), false)
        ));
    }

    #[tokio::test]
    async fn a_reading_that_hangs_holds_up_nobody_who_could_use_what_is_there() {
        let kept = Kept::of("a", Duration::ZERO);
        let hanging = std::future::pending::<Result<(&'static str, Duration)>>;
        let refused = Some(Refused {
            generation: 0,
            by_time: false,
        });
        let stuck = kept.get(deadline(), refused, PartialEq::eq, hanging());
        let others = async {
            tokio::task::yield_now().await;
            for _ in 0..3 {
                let known = kept.get(deadline(), None, PartialEq::eq, hanging()).await;
                assert!(matches!(known, Ok(Some((value, 0))) if *value == "a"));
            }
        };
        tokio::select! {
            biased;
            _ = stuck => panic!("it hangs"),
            () = others => {}
        }
    }

    #[tokio::test]
    async fn what_could_not_be_read_again_rests_for_a_while() {
        let kept = Kept::of("a", Duration::ZERO);
        assert!(get(&kept, None, failure()).await.1);
        assert!(matches!(
            get(&kept, None, Ok("b")).await,
            (Ok(Some(("a", 0))), false)
        ));
    }
}
