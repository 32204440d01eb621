//! A relay between one environment and moto: it notes what was delivered and saved, moves AWS's clock, loses answers, and says
//! where a process is to be killed.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use jiff::{Timestamp, fmt::rfc2822};
use tokio::sync::mpsc;

use super::wire::{self, Message};

/// Where a run is killed, counted in its requests to AWS.
#[derive(Clone, Copy, Debug)]
pub enum Point {
    /// Before the request does anything.
    Before(usize),
    /// After it was done, and before the answer is known.
    After(usize),
    /// After so many deliveries, before the answer to the last is known.
    Delivered(usize),
}

/// What a run did, as AWS saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// These events, by their ids, are in the sink.
    Delivered(Vec<String>),
    /// The checkpoint was moved.
    Saved,
}

/// What all relays of a test have in common.
#[derive(Default)]
pub struct Aws {
    /// How far AWS's clock is ahead of the machine's, in seconds.
    ahead: AtomicI64,
    /// moto looks at a condition and writes in two steps, and DynamoDB does in one.
    writing: Mutex<()>,
}

impl Aws {
    /// AWS's clock moves on.
    pub fn advance(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A relay of its own address, for one environment.
pub struct Relay {
    pub origin: String,
    shared: Arc<Shared>,
    /// Says when the process is to be killed.
    pub struck: mpsc::UnboundedReceiver<()>,
}

struct Shared {
    moto: SocketAddr,
    aws: Arc<Aws>,
    run: Mutex<Run>,
    /// The requests that are under way.
    passing: AtomicUsize,
    strike: mpsc::UnboundedSender<()>,
}

/// What is known of the run that is under way.
struct Run {
    point: Option<Point>,
    requests: usize,
    deliveries: usize,
    deeds: Vec<Deed>,
    /// Decides which requests fail.
    random: Rng,
    /// How many of a thousand requests do.
    faulty: u32,
    faults: usize,
    /// What a delivery takes longer than it would.
    delay: Duration,
}

/// What becomes of a request.
enum Fate {
    Passes,
    /// It is done, and its answer lost.
    Lost,
    /// AWS has too much to do.
    Throttled,
    StruckBefore,
    StruckAfter,
}

impl Relay {
    pub fn start(moto: SocketAddr, aws: &Arc<Aws>, random: Rng, faulty: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let origin = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (strike, struck) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            moto,
            aws: Arc::clone(aws),
            run: Mutex::new(Run {
                point: None,
                requests: 0,
                deliveries: 0,
                deeds: Vec::new(),
                random,
                faulty,
                faults: 0,
                delay: Duration::ZERO,
            }),
            passing: AtomicUsize::new(0),
            strike,
        });
        let serving = Arc::clone(&shared);
        // It ends with the test's process.
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                thread::spawn(move || {
                    shared.passing.fetch_add(1, Ordering::SeqCst);
                    // Whoever was killed reads no answer.
                    let _ = shared.pass_on(connection);
                    shared.passing.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            origin,
            shared,
            struck,
        }
    }

    /// A run begins, which is killed at this point, if it comes so far.
    pub fn begin(&mut self, point: Option<Point>) {
        while self.struck.try_recv().is_ok() {}
        let mut run = self.shared.run();
        (run.point, run.requests, run.deliveries) = (point, 0, 0);
    }

    /// The run has ended: what it did. What a killed process had just sent may yet be done.
    pub fn end(&mut self) -> Vec<Deed> {
        while self.shared.passing.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(5));
        }
        let mut run = self.shared.run();
        run.point = None;
        std::mem::take(&mut run.deeds)
    }

    /// The sink is so slow from now on.
    pub fn delay_deliveries(&self, delay: Duration) {
        self.shared.run().delay = delay;
    }

    /// How many requests it made fail.
    pub fn faults(&self) -> usize {
        self.shared.run().faults
    }
}

impl Shared {
    fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        self.run.lock().expect("no relay panics")
    }

    fn pass_on(&self, mut caller: TcpStream) -> io::Result<()> {
        let Some(request) = Message::read(&mut caller)? else {
            return Ok(());
        };
        let fate = self.run().fate(&request);
        if wire::delivers(&request) {
            let delay = self.run().delay;
            thread::sleep(delay);
        }
        match fate {
            Fate::StruckBefore => return self.strike(caller),
            Fate::Throttled => return caller.write_all(&wire::throttle(&request)),
            Fate::Passes | Fate::Lost | Fate::StruckAfter => {}
        }
        let answer = {
            let _alone = wire::writes(&request).then(|| self.aws.writing.lock());
            wire::exchange(self.moto, &request)?
        };
        let deed = wire::deed(&request, &answer);
        self.run().deeds.extend(deed);
        match fate {
            Fate::StruckAfter => self.strike(caller),
            Fate::Lost => Ok(()),
            _ => caller.write_all(&self.dated(answer).to_bytes()),
        }
    }

    /// Has the process killed, and waits until it is gone.
    fn strike(&self, mut caller: TcpStream) -> io::Result<()> {
        let _ = self.strike.send(());
        caller.set_read_timeout(Some(Duration::from_secs(10)))?;
        caller.read(&mut [0]).map(drop)
    }

    /// The answer by AWS's clock.
    fn dated(&self, mut answer: Message) -> Message {
        let ahead = self.aws.ahead.load(Ordering::Relaxed);
        if let Some(date) = answer.header_mut("date")
            && let Ok(at) = rfc2822::parse(date)
        {
            let at = at.timestamp().as_second() + ahead;
            let at = Timestamp::from_second(at).expect("a test is short");
            *date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        }
        answer
    }
}

impl Run {
    fn fate(&mut self, request: &Message) -> Fate {
        self.requests += 1;
        self.deliveries += usize::from(wire::delivers(request));
        match self.point {
            Some(Point::Before(number)) if self.requests >= number => return Fate::StruckBefore,
            Some(Point::After(number)) if self.requests >= number => return Fate::StruckAfter,
            Some(Point::Delivered(number)) if self.deliveries >= number => {
                return Fate::StruckAfter;
            }
            _ => {}
        }
        if self.random.u32(0..1000) >= self.faulty {
            return Fate::Passes;
        }
        self.faults += 1;
        match self.random.bool() {
            true => Fate::Lost,
            false => Fate::Throttled,
        }
    }
}
