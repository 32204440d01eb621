//! A tenant's incidents or alerts with their orders by creation and by update, so that a page costs what it holds and not what the tenant has.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Bound, Deref, DerefMut};
use std::sync::OnceLock;

use crate::incident::{Alert, Incident};
use crate::time;

/// What lists are ordered by.
pub trait Item {
    fn id(&self) -> &str;
    fn created(&self) -> &str;
    fn updated(&self) -> &str;
}

impl Item for Incident {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> &str {
        &self.created_date_time
    }

    fn updated(&self) -> &str {
        &self.last_update_date_time
    }
}

impl Item for Alert {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> &str {
        &self.created_date_time
    }

    fn updated(&self) -> &str {
        &self.last_update_date_time
    }
}

/// Ticks, id, place in the list. What has no instant comes first.
type Key = (i64, String, usize);

#[derive(Clone, Debug, Default)]
struct Orders {
    places: HashMap<String, usize>,
    created: BTreeSet<Key>,
    updated: BTreeSet<Key>,
}

fn key(instant: &str, id: &str, place: usize) -> Key {
    (
        time::parse(instant).unwrap_or(i64::MIN),
        id.to_owned(),
        place,
    )
}

impl Orders {
    fn add(&mut self, item: &impl Item, place: usize) {
        self.places.entry(item.id().to_owned()).or_insert(place);
        self.created.insert(key(item.created(), item.id(), place));
        self.updated.insert(key(item.updated(), item.id(), place));
    }

    fn remove(&mut self, item: &impl Item, place: usize) {
        self.created.remove(&key(item.created(), item.id(), place));
        self.updated.remove(&key(item.updated(), item.id(), place));
    }
}

/// A list of incidents or alerts: a `Vec` to whoever changes it, after which its orders are made anew.
#[derive(Clone, Debug)]
pub struct Stream<T> {
    items: Vec<T>,
    orders: OnceLock<Orders>,
}

/// Which of its two instants orders a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Created,
    Updated,
}

impl<T: Item> Stream<T> {
    fn orders(&self) -> &Orders {
        self.orders.get_or_init(|| {
            let mut orders = Orders::default();
            for (place, item) in self.items.iter().enumerate() {
                orders.add(item, place);
            }
            orders
        })
    }

    /// The item with this id.
    pub fn with_id(&self, id: &str) -> Option<&T> {
        self.orders()
            .places
            .get(id)
            .map(|&place| &self.items[place])
    }

    /// Those whose instants may lie in these windows, both ends included, the earliest first; equal instants by id.
    pub(crate) fn within(
        &self,
        by: By,
        created: (i64, i64),
        updated: (i64, i64),
    ) -> Box<dyn DoubleEndedIterator<Item = &T> + '_> {
        let orders = self.orders();
        match by {
            By::Updated => Box::new(self.range(&orders.updated, updated)),
            By::Created if updated.1 == i64::MAX => Box::new(self.range(&orders.created, created)),
            // Few were updated between two instants, and many may have been created since the first.
            By::Created => {
                let mut found: Vec<&T> = self.range(&orders.updated, updated).collect();
                found.sort_by_cached_key(|item| key(item.created(), item.id(), 0));
                Box::new(found.into_iter())
            }
        }
    }

    fn range<'s>(
        &'s self,
        order: &'s BTreeSet<Key>,
        (first, last): (i64, i64),
    ) -> impl DoubleEndedIterator<Item = &'s T> {
        let start = (first, String::new(), 0);
        let end = match last.checked_add(1) {
            // An upside-down range would panic.
            Some(after) => Bound::Excluded((after.max(first), String::new(), 0)),
            None => Bound::Unbounded,
        };
        order
            .range((Bound::Included(start), end))
            .map(|(_, _, place)| &self.items[*place])
    }

    /// Shows an item in place of what was shown under its id, unless that is newer.
    pub fn put(&mut self, item: T) {
        self.orders();
        let orders = self.orders.get_mut().expect("they were made just now");
        let place = match orders.places.get(item.id()) {
            Some(&place) => {
                if time::parse(self.items[place].updated()) > time::parse(item.updated()) {
                    return;
                }
                orders.remove(&self.items[place], place);
                orders.add(&item, place);
                self.items[place] = item;
                return;
            }
            None => self.items.len(),
        };
        orders.add(&item, place);
        self.items.push(item);
    }
}

impl<T> Default for Stream<T> {
    fn default() -> Stream<T> {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Stream<T> {
    fn from(items: Vec<T>) -> Stream<T> {
        Stream {
            items,
            orders: OnceLock::new(),
        }
    }
}

impl<T> Deref for Stream<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.items
    }
}

impl<T> DerefMut for Stream<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        self.orders = OnceLock::new();
        &mut self.items
    }
}

impl<'s, T> IntoIterator for &'s Stream<T> {
    type Item = &'s T;
    type IntoIter = std::slice::Iter<'s, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<'s, T> IntoIterator for &'s mut Stream<T> {
    type Item = &'s mut T;
    type IntoIter = std::slice::IterMut<'s, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.deref_mut().iter_mut()
    }
}
