//! The rounds of a soak, and what is counted in them.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::json;
use simulator::Simulator;

use super::environment::{self, Environment, Ran};

/// What happened besides the updates.
#[derive(Debug, Default)]
pub struct Happened {
    pub runs: usize,
    pub complete: usize,
    pub killed: usize,
    pub overlaps: usize,
    pub refused: usize,
    /// Whether the last runs were complete.
    was_complete: bool,
    /// Stretches of Microsoft's clock in which runs read everything.
    pub stretches: Vec<(i64, i64)>,
    /// How often each event was delivered by batches that the checkpoint was moved behind.
    pub settled: HashMap<String, usize>,
    /// The same by batches whose run ended before that.
    pub orphaned: HashMap<String, usize>,
    pub orphans: usize,
    /// The answers of runs that were not killed and ended so all the same.
    pub unexcused: Vec<String>,
    /// How many events were sent again because the answer to a request was lost.
    pub again: usize,
}

impl Happened {
    /// One or more runs at once, with Microsoft's clock moving on meanwhile or not, and a kill or not.
    pub async fn round(
        &mut self,
        simulator: &Simulator,
        environments: &mut [Environment],
        random: &mut Rng,
    ) {
        let at_once = [1, 1, 1, 2, 3][random.usize(0..5)];
        self.overlaps += usize::from(at_once > 1);
        random.shuffle(environments);
        let runs = environments[..at_once].iter_mut().map(|environment| {
            let kill = (random.u8(0..3) == 0).then(|| environment::kill(random));
            async move { environment.run(simulator, &json!({}), kill).await }
        });
        let runs = join_all(runs.collect::<Vec<_>>());
        let moves = random.u8(0..3) == 0;
        let ticking = async {
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if moves {
                    simulator.advance(Duration::from_secs(2));
                }
            }
        };
        let ran = tokio::select! {
            ran = runs => ran,
            () = ticking => unreachable!("it has no end"),
        };
        self.note(ran);
    }

    pub fn note(&mut self, ran: Vec<Ran>) {
        // A run that goes on where another stopped reads less than there was.
        let whole = self.was_complete;
        let mut had_turns = ran.iter().filter(|ran| !ran.refused).peekable();
        if had_turns.peek().is_some() {
            self.was_complete = had_turns.all(|ran| ran.complete);
        }
        for mut ran in ran {
            self.runs += 1;
            self.complete += usize::from(ran.complete);
            self.killed += usize::from(ran.killed);
            self.refused += usize::from(ran.refused);
            if ran.complete && whole {
                self.stretches.push(ran.stretch);
            }
            let (settled, orphaned, again) = ran.deliveries();
            self.again += again;
            for event in settled {
                *self.settled.entry(event).or_default() += 1;
            }
            if !orphaned.is_empty() {
                self.orphans += 1;
                if !ran.killed {
                    self.unexcused.push(ran.answer.to_string());
                }
            }
            for event in orphaned {
                *self.orphaned.entry(event).or_default() += 1;
            }
        }
    }

    /// How many deliveries were of events that had been delivered before.
    pub fn repeated(&self) -> usize {
        let both = self.settled.values().chain(self.orphaned.values());
        let deliveries: usize = both.sum();
        let events: HashSet<&String> = self.settled.keys().chain(self.orphaned.keys()).collect();
        deliveries - events.len()
    }
}
