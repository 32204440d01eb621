//! Something read once for all who want it: again when it has grown old, and when Entra has refused what was made of it.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use super::{credential::Refused, token::out_of_time};
use crate::{
    error::Result,
    time::{Deadline, Timestamp},
};

/// The longest that reading it again may hold up a caller who could use what is there.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub struct Kept<T>(Mutex<Option<Held<T>>>);

#[derive(Debug)]
struct Held<T> {
    value: Arc<T>,
    generation: u32,
    until: Timestamp,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// Of what was read already.
    pub fn of(value: T, life: Duration) -> Self {
        Self(Mutex::new(Some(Held::new(value, 0, life))))
    }

    pub async fn put(&self, value: T, life: Duration) {
        *self.0.lock().await = Some(Held::new(value, 0, life));
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
        let Some(mut slot) = deadline.lock(&self.0).await else {
            return Err(out_of_time());
        };
        let Some(held) = slot.as_mut() else {
            let (value, life) = read.await?;
            return Ok(Some(slot.insert(Held::new(value, 0, life)).share()));
        };
        // Somebody else may have read it again in the meantime.
        let is_refused = refused.is_some_and(|refused| refused.generation == held.generation);
        if !is_refused && Timestamp::now() < held.until {
            return Ok(Some(held.share()));
        }
        let outcome = match is_refused {
            true => Some(read.await),
            false => tokio::time::timeout(PATIENCE.min(deadline.remaining()), read)
                .await
                .ok(),
        };
        match outcome {
            Some(Ok((value, life))) if is_same(&held.value, &value) => {
                *held = Held::new(value, held.generation, life);
                Ok((!is_refused).then(|| held.share()))
            }
            Some(Ok((value, life))) => {
                *held = Held::new(value, held.generation + 1, life);
                Ok(Some(held.share()))
            }
            Some(Err(error)) if is_refused => Err(error),
            _ => Ok(Some(held.share())),
        }
    }
}

impl<T> Held<T> {
    fn new(value: T, generation: u32, life: Duration) -> Self {
        Self {
            value: Arc::new(value),
            generation,
            until: Timestamp::now().checked_add(life).unwrap_or(Timestamp::MAX),
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
}
