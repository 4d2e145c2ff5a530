//! The recent deliveries, oldest first, bounded in number and bytes.

use std::{collections::VecDeque, ops::Deref};

use super::{Delivery, Id};

/// The most deliveries. The oldest are dropped.
const KEPT: usize = 5_000;

/// The most bytes of all payloads and answers. A typical payload has 12 kB.
const BYTES: usize = 64 * 1024 * 1024;

/// Can be read as a list. Only its own methods change it.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    all: VecDeque<Delivery>,
    bytes: usize,
}

impl Deliveries {
    /// Adds a new one at the end. Its id must be greater than all before.
    pub(crate) fn push(&mut self, delivery: Delivery) {
        self.bytes += weight(&delivery);
        self.all.push_back(delivery);
        self.forget();
    }

    /// A delivery, if it is still stored.
    pub(crate) fn find(&self, id: Id) -> Option<&Delivery> {
        self.all.get(self.place(id)?)
    }

    /// Changes a delivery, if it is still stored.
    pub(crate) fn change(&mut self, id: Id, change: impl FnOnce(&mut Delivery)) {
        let Some(delivery) = self.place(id).and_then(|place| self.all.get_mut(place)) else { return };
        let before = weight(delivery);
        change(delivery);
        self.bytes = self.bytes - before + weight(delivery);
        self.forget();
    }

    /// The index, found by a binary search: ids grow with time.
    fn place(&self, id: Id) -> Option<usize> {
        self.all.binary_search_by_key(&id, |delivery| delivery.id).ok()
    }

    /// Drops the oldest ones. The last one stays, however large it is.
    fn forget(&mut self) {
        while self.all.len() > 1 && (self.all.len() > KEPT || self.bytes > BYTES) {
            let gone = self.all.pop_front();
            self.bytes -= gone.as_ref().map_or(0, weight);
        }
    }
}

fn weight(delivery: &Delivery) -> usize {
    delivery.body.len() + delivery.response_body.len()
}

impl Deref for Deliveries {
    type Target = VecDeque<Delivery>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::state::Time;

    fn delivery(id: Id, bytes: usize) -> Delivery {
        Delivery {
            id,
            app: 1,
            guid: String::new(),
            event: "push".to_owned(),
            action: None,
            installation: None,
            repository: None,
            redelivery: false,
            delivered_at: Time::default(),
            url: String::new(),
            request_headers: BTreeMap::new(),
            body: vec![b' '; bytes].into(),
            seconds: 0.0,
            status_code: 0,
            status: String::new(),
            response_headers: BTreeMap::new(),
            response_body: String::new(),
        }
    }

    fn ids(deliveries: &Deliveries) -> (Option<Id>, Option<Id>) {
        (deliveries.front().map(|first| first.id), deliveries.back().map(|last| last.id))
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let mut all = Deliveries::default();
        (1..=KEPT as Id + 2).for_each(|id| all.push(delivery(id, 1)));
        assert_eq!((all.len(), ids(&all)), (KEPT, (Some(3), Some(KEPT as Id + 2))));
        assert!(all.find(2).is_none());
        assert_eq!(all.find(3).map(|found| found.id), Some(3));
    }

    #[test]
    fn the_oldest_are_forgotten_when_they_are_too_large() {
        let mut all = Deliveries::default();
        for id in [10, 20, 30, 40, 50] {
            all.push(delivery(id, BYTES / 4));
        }
        assert_eq!(ids(&all), (Some(20), Some(50)));
        all.change(20, |oldest| oldest.response_body.push('x'));
        assert_eq!(ids(&all), (Some(30), Some(50)), "what a receiver answers counts too");
        all.change(10, |_| unreachable!("it is forgotten"));
        all.change(50, |last| last.body = vec![b' '; BYTES * 2].into());
        assert_eq!(ids(&all), (Some(50), Some(50)), "the last one stays");
        all.change(50, |last| last.body = vec![b' '; 1].into());
        assert_eq!(all.bytes, 1);
    }
}
