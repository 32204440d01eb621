//! Everybody in turn: first whether they answer rightly, then how fast.

use std::collections::HashMap;

use crate::check;
use crate::failure::Failure;
use crate::figures::{Figures, medians};
use crate::job::Job;
use crate::measure::{Bench, Course, Entry};
use crate::quota::Quota;
use crate::size::Size;
use crate::table::{Row, Section};

/// What is measured.
pub struct Plan<'a> {
    pub jobs: Vec<Job>,
    /// Processes of each contestant in each job.
    pub rounds: u32,
    /// Warm events of a process, where answers are small.
    pub warm: usize,
    /// Events at once in a table for ours; 1: no such table.
    pub concurrency: usize,
    /// The share of a small function, where there is one.
    pub quota: Option<&'a Quota>,
}

/// Who takes part in which jobs.
pub struct Entered {
    entry: Entry,
    /// With the bytes of the answer that was found right.
    jobs: HashMap<Job, usize>,
}

/// Lets everybody answer each job once. Who answers wrongly takes no part in it, and is told of.
pub fn check(bench: &Bench, entries: Vec<Entry>, jobs: &[Job]) -> (Vec<Entered>, Vec<String>) {
    let mut failures = Vec::new();
    let mut entered: Vec<_> = entries
        .into_iter()
        .map(|entry| Entered {
            entry,
            jobs: HashMap::new(),
        })
        .collect();
    for &job in jobs {
        let expected = match check::expected(job) {
            Ok(expected) => expected,
            Err(why) => {
                failures.push(format!("{job}: {why}"));
                continue;
            }
        };
        for one in &mut entered {
            let contestant = &one.entry.contestant;
            if contestant.skips.contains(&job) {
                continue;
            }
            eprintln!("{job}: does {} answer rightly?", contestant.name);
            let answer = bench.first_answer(&one.entry, job);
            let right = answer.and_then(|answer| {
                check::check(job, &answer, &expected)
                    .map_err(|why| Failure::new("it answered wrongly", why))?;
                Ok(answer.len())
            });
            match right {
                Ok(length) => drop(one.jobs.insert(job, length)),
                Err(failure) => {
                    let of = format!("{} in {job}", contestant.name);
                    failures.push(failure.tell(&of));
                }
            }
        }
    }
    (entered, failures)
}

/// Who takes no part in which of the jobs, in words.
pub fn skips(entries: &[Entered], jobs: &[Job]) -> Vec<String> {
    let skips = entries.iter().filter_map(|one| {
        let contestant = &one.entry.contestant;
        let skipped = contestant.skips.iter().filter(|job| jobs.contains(job));
        let skipped: Vec<_> = skipped.map(Job::to_string).collect();
        (!skipped.is_empty()).then(|| {
            let (name, skipped) = (contestant.name, skipped.join(", "));
            format!("{name} takes no part in {skipped}: without a library, a signed request to AWS is more than most would write.")
        })
    });
    skips.collect()
}

/// Measures all of it.
pub fn all(
    bench: &Bench,
    entries: &[Entered],
    plan: &Plan<'_>,
    failures: &mut Vec<String>,
) -> Vec<Section> {
    let mut runner = Runner {
        bench,
        sizes: HashMap::new(),
        failures,
    };
    let mut sections = Vec::new();
    for &job in &plan.jobs {
        let course = Course {
            job,
            warm: job.warm(plan.warm),
            quota: None,
            concurrency: 1,
            length: None,
        };
        sections.extend(runner.section(entries.iter(), course, plan.rounds));
        if plan.quota.is_some() {
            // A process that has a fourteenth of a core takes its time.
            let course = Course {
                quota: plan.quota,
                ..course
            };
            let rounds = plan.rounds.div_ceil(5);
            sections.extend(runner.section(entries.iter(), course, rounds));
        }
    }
    if plan.concurrency > 1 && plan.jobs.contains(&Job::Incidents50) {
        let course = Course {
            job: Job::Incidents50,
            warm: plan.warm * 20,
            quota: None,
            concurrency: plan.concurrency,
            length: None,
        };
        let ours = entries.iter().filter(|one| one.entry.ours);
        sections.extend(runner.section(ours, course, plan.rounds.div_ceil(5)));
    }
    sections
}

struct Runner<'a> {
    bench: &'a Bench,
    sizes: HashMap<&'static str, Size>,
    failures: &'a mut Vec<String>,
}

impl Runner<'_> {
    /// One table: contestants in turn, the other way around in every second round, so that a machine that grows slower or faster
    /// favours nobody. None if nobody takes part.
    fn section<'e>(
        &mut self,
        entered: impl Iterator<Item = &'e Entered>,
        course: Course<'_>,
        rounds: u32,
    ) -> Option<Section> {
        let takes_part = entered.filter_map(|one| Some((one, *one.jobs.get(&course.job)?)));
        let mut running: Vec<(&Entry, Course<'_>, Vec<Figures>)> = takes_part
            .map(|(one, length)| {
                let length = Some(length);
                (&one.entry, Course { length, ..course }, Vec::new())
            })
            .collect();
        for round in 1..=rounds {
            let share = if course.quota.is_some() {
                " with the share of a small function"
            } else {
                ""
            };
            eprintln!("{}{share}: round {round} of {rounds}", course.job);
            let mut failed = Vec::new();
            let mut turn =
                |(entry, course, figures): &mut (&Entry, Course<'_>, Vec<Figures>)| match self
                    .bench
                    .run(entry, *course)
                {
                    Ok(one) => figures.push(one),
                    Err(why) => failed.push((entry.contestant.name, why)),
                };
            match round % 2 {
                1 => running.iter_mut().for_each(&mut turn),
                _ => running.iter_mut().rev().for_each(&mut turn),
            }
            for (name, why) in failed {
                let of = format!("{name} in {}{share}, round {round}", course.job);
                self.failures.push(why.tell(&of));
                running.retain(|(entry, ..)| entry.contestant.name != name);
            }
        }
        let rows: Vec<_> = running
            .into_iter()
            .map(|(entry, _, figures)| Row {
                contestant: entry.contestant.name,
                n: figures.len(),
                medians: medians(&figures),
                size: self.size(entry),
            })
            .collect();
        (!rows.is_empty()).then_some(Section {
            job: course.job,
            quota: course.quota.is_some(),
            concurrency: course.concurrency,
            rows,
        })
    }

    fn size(&mut self, entry: &Entry) -> Size {
        let contestant = &entry.contestant;
        *self.sizes.entry(contestant.name).or_insert_with(|| {
            Size::of(&contestant.files).unwrap_or_else(|error| {
                let failure = Failure::new("its size is not known", error);
                self.failures.push(failure.tell(contestant.name));
                Size::default()
            })
        })
    }
}
