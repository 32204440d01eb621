//! What happens in the tenant: updates in bursts and ties, some of which arrive late, and what of it has to be delivered.

use std::collections::{HashMap, HashSet};

use fastrand::Rng;
use simulator::{
    Alert, Incident, Tenant,
    time::{self, SECOND},
};

/// How late an update may arrive and still be collected.
pub const LOOK_BACK: i64 = 900 * SECOND;

/// One update of one item. Instants are ticks of Microsoft's clock.
#[derive(Debug)]
pub struct Update {
    pub item: usize,
    pub updated: i64,
    pub visible: i64,
    /// When a newer update of the item becomes visible, perhaps before this one.
    pub replaced: i64,
    digits: usize,
    status: &'static str,
    /// The item that this one is merged into.
    target: Option<usize>,
}

/// Updates in the order of their instants.
pub struct Script {
    pub updates: Vec<Update>,
    /// When the last has become visible.
    pub end: i64,
}

/// What became of the script's updates.
#[derive(Debug, Default)]
pub struct Tally {
    pub updates: usize,
    pub delivered: usize,
    /// Not delivered, for newer updates of their items came first.
    pub superseded: usize,
    /// Arrived after the look-back, and delivered all the same, or not.
    pub late_delivered: usize,
    pub late_missed: usize,
    /// Had to be delivered and were not.
    pub lost: Vec<String>,
}

impl Script {
    /// So many updates from `start` on, about one a second.
    pub fn make(random: &mut Rng, start: i64, count: usize) -> Self {
        let mut updates: Vec<Update> = Vec::with_capacity(count);
        let mut last_updates: Vec<i64> = Vec::new();
        let mut merged = HashSet::new();
        let mut at = start + SECOND;
        while updates.len() < count {
            at += (random.f64() * 8.0 * SECOND as f64) as i64 + 1;
            let ties = match random.u32(0..1000) {
                0 => 620,
                1..=10 => random.usize(40..130),
                11..=400 => random.usize(2..6),
                _ => 1,
            };
            // Whole seconds and milliseconds, as Microsoft often writes them.
            let digits = [0, 2, 3, 6, 7, 7][random.usize(0..6)];
            let unit = 10_i64.pow(7 - digits as u32);
            at += (unit - at % unit) % unit;
            for _ in 0..ties.min(count - updates.len()) {
                let again = !last_updates.is_empty() && random.u8(0..10) < 4;
                let item = match again {
                    // Half of those were updated shortly before.
                    true if random.bool() => {
                        let recent = last_updates.len().min(200);
                        last_updates.len() - 1 - random.usize(0..recent)
                    }
                    true => random.usize(0..last_updates.len()),
                    false => last_updates.len(),
                };
                if merged.contains(&item) || last_updates.get(item) == Some(&at) {
                    continue;
                }
                match last_updates.get_mut(item) {
                    Some(last) => *last = at,
                    None => last_updates.push(at),
                }
                let target =
                    (again && random.u32(0..200) == 0).then(|| random.usize(0..last_updates.len()));
                merged.extend(target.map(|_| item));
                let late = match random.u32(0..100) {
                    0..=89 => random.i64(0..3 * SECOND),
                    90..=97 => random.i64(3 * SECOND..LOOK_BACK - 2 * SECOND),
                    _ => random.i64(LOOK_BACK + 60 * SECOND..8 * LOOK_BACK),
                };
                updates.push(Update {
                    item,
                    updated: at,
                    visible: at + late,
                    replaced: i64::MAX,
                    // As many as the instant needs, or more.
                    digits: random.usize(digits..=7),
                    status: ["active", "inProgress", "resolved"][random.usize(0..3)],
                    target,
                });
            }
        }
        let mut newer: HashMap<usize, i64> = HashMap::new();
        for update in updates.iter_mut().rev() {
            let next = newer.entry(update.item).or_insert(i64::MAX);
            update.replaced = *next;
            *next = update.visible.min(*next);
        }
        let end = updates.iter().map(|update| update.visible).max();
        Self {
            end: end.unwrap_or(start),
            updates,
        }
    }

    /// Has the updates become visible as incidents, or as alerts.
    pub fn play(&self, tenant: &mut Tenant, as_alerts: bool) {
        let mut created = HashMap::new();
        for update in &self.updates {
            let text = time::format_with(update.updated, update.digits);
            let first = created.entry(update.item).or_insert_with(|| text.clone());
            if as_alerts {
                let id = number(update.item).to_string();
                let device = tenant.devices[0].clone();
                let mut alert = Alert::new(&tenant.tenant_id, &id, "28281", &device, first);
                alert.last_update_date_time = text;
                alert.status = update.status.replace("active", "new");
                tenant.plan_update(update.visible, alert);
                continue;
            }
            let mut incident = Incident::new(&tenant.tenant_id, number(update.item), first);
            if let Some(target) = update.target {
                incident = incident.merged_into(&number(target).to_string(), &text);
                incident.blank = target % 2 == 0;
            } else {
                incident.status = update.status.into();
            }
            incident.last_update_date_time = text;
            tenant.plan_update(update.visible, incident);
        }
    }

    /// The id of the event that tells of an update.
    pub fn event(&self, update: &Update, stream: &str) -> String {
        let at = time::format_with(update.updated, 7);
        format!("{stream}/{}/{at}", number(update.item))
    }

    /// What became of every update. `runs` are the stretches of Microsoft's clock in which runs were complete, from their
    /// beginnings to their ends: what was there through one of them, and came within the look-back, had to be delivered.
    ///
    /// # Panics
    /// If something was delivered that never was there.
    pub fn tally(&self, stream: &str, delivered: &HashSet<String>, runs: &[(i64, i64)]) -> Tally {
        let mut tally = Tally::default();
        for update in &self.updates {
            tally.updates += 1;
            let event = self.event(update, stream);
            let is_late = update.visible - update.updated > LOOK_BACK;
            let was_there = |run: &&(i64, i64)| update.visible <= run.0 && run.1 < update.replaced;
            if delivered.contains(&event) {
                assert!(update.visible < update.replaced, "{event} never was there");
                tally.delivered += 1;
                tally.late_delivered += usize::from(is_late);
            } else if is_late {
                tally.late_missed += 1;
            } else if runs.iter().find(was_there).is_some() {
                tally.lost.push(event);
            } else {
                tally.superseded += 1;
            }
        }
        let known: HashSet<String> = self
            .updates
            .iter()
            .map(|update| self.event(update, stream))
            .collect();
        let invented: Vec<_> = delivered.difference(&known).collect();
        assert!(invented.is_empty(), "never happened: {invented:?}");
        tally
    }
}

/// The id of an item in Graph.
fn number(item: usize) -> u64 {
    1_000_000 + item as u64
}
