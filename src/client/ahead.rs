//! A connection that is made before there is something to send.

use std::{
    any::Any,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use hyper::rt::{Read, ReadBuf};
use tokio::{
    sync::oneshot,
    task::{AbortHandle, JoinHandle, unconstrained},
};
use tower_layer::Layer;
use tower_service::Service;

use super::connect::CONNECT;

/// The longest that whoever needs a connection waits for this one, before making another.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Where the connection waits for the first request. A client with this layer connects to one origin only.
#[derive(Clone)]
pub struct Ahead {
    state: Arc<Mutex<State>>,
    /// A connection that has waited longer is not used.
    longest: Duration,
}

enum State {
    /// Connections are made when they are needed.
    Idle,
    /// The next one is made now, for later.
    Wanted,
    Made(Waiting),
}

struct Waiting {
    outcome: oneshot::Receiver<Box<dyn Any + Send>>,
    making: Option<JoinHandle<()>>,
    end: AbortHandle,
    /// When it was begun. By the wall clock: it is in dispute whether the monotonic one goes on while Lambda freezes the process.
    since: SystemTime,
}

/// Whether `since` is no longer ago than `longest`.
pub fn is_within(longest: Duration, since: SystemTime) -> bool {
    since.elapsed().is_ok_and(|age| age < longest)
}

impl Ahead {
    /// The first connection will outlast whoever asks for it, and wait for so long at most.
    pub fn new(longest: Duration) -> Self {
        let state = Arc::new(Mutex::new(State::Wanted));
        Self { state, longest }
    }

    /// Returns when the connection is made or has failed.
    pub async fn made(&self) {
        let making = match &mut *self.lock() {
            State::Made(waiting) => waiting.making.take(),
            State::Idle | State::Wanted => None,
        };
        if let Some(making) = making {
            let _ = making.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Layer<S> for Ahead {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        let ahead = self.clone();
        Connector { inner, ahead }
    }
}

/// reqwest's connector, which uses the connection that waits.
#[derive(Clone)]
pub struct Connector<S> {
    inner: S,
    ahead: Ahead,
}

impl<S, To> Service<To> for Connector<S>
where
    S: Service<To>,
    S::Response: Read + Unpin + Send + 'static,
    S::Error: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, to: To) -> Self::Future {
        let mut state = self.ahead.lock();
        match std::mem::replace(&mut *state, State::Idle) {
            State::Idle => Box::pin(self.inner.call(to)),
            State::Wanted => {
                let connecting = tokio::time::timeout(CONNECT, self.inner.call(to));
                let (made, outcome) = oneshot::channel::<Box<dyn Any + Send>>();
                let making = tokio::spawn(async move {
                    // What goes wrong before anybody asks may go right then.
                    if let Ok(Ok(connection)) = connecting.await {
                        let _ = made.send(Box::new(connection));
                    }
                });
                *state = State::Made(Waiting {
                    outcome,
                    end: making.abort_handle(),
                    making: Some(making),
                    since: SystemTime::now(),
                });
                Box::pin(std::future::pending())
            }
            State::Made(waiting) => {
                drop(state);
                let (another, longest) = (self.inner.call(to), self.ahead.longest);
                Box::pin(async move {
                    match waiting.alive(longest).await {
                        Some(connection) => Ok(connection),
                        None => another.await,
                    }
                })
            }
        }
    }
}

impl Waiting {
    /// The connection, if it is not too old and the other end has not closed it.
    async fn alive<C: Read + Unpin + 'static>(mut self, longest: Duration) -> Option<C> {
        if !is_within(longest, self.since) {
            return None;
        }
        // Whoever waited for it before now has waited for that much already.
        let patience = PATIENCE.saturating_sub(self.since.elapsed().unwrap_or_default());
        let outcome = tokio::time::timeout(patience, &mut self.outcome).await;
        let mut connection: Box<C> = outcome.ok()?.ok()?.downcast().ok()?;
        // Nobody has asked anything, so that whatever can be read is its end.
        let is_silent = |context: &mut Context<'_>| {
            let mut room = [0];
            let mut read = ReadBuf::new(&mut room);
            Poll::Ready(
                Pin::new(&mut *connection)
                    .poll_read(context, read.unfilled())
                    .is_pending(),
            )
        };
        // A task that has done much is told by tokio that there is nothing to read, whatever there is.
        let is_silent = unconstrained(poll_fn(is_silent)).await;
        is_silent.then_some(*connection)
    }
}

impl Drop for Waiting {
    /// Nobody will use what is still being made: it must not go on in an invocation that has nothing to do with it.
    fn drop(&mut self) {
        self.end.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_or_still_to_come_is_not_used() {
        let (now, longest) = (SystemTime::now(), Duration::from_secs(60));
        assert!(is_within(longest, now - longest / 2));
        assert!(!is_within(longest, now - longest));
        assert!(!is_within(longest, now + longest));
    }

    /// Connects for ever, and holds what it was given meanwhile.
    struct Endless(Arc<()>);

    impl Service<()> for Endless {
        type Response = Box<dyn Read + Send + Unpin>;
        type Error = ();
        type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ()>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            let held = self.0.clone();
            Box::pin(async move {
                std::future::pending::<()>().await;
                drop(held);
                Err(())
            })
        }
    }

    #[tokio::test]
    async fn a_connection_that_nobody_will_use_is_not_made_any_longer() {
        let held = Arc::new(());
        let mut connector = Ahead::new(PATIENCE).layer(Endless(held.clone()));
        drop(connector.call(()));
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 3);
        drop(connector);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
