//! Children that are taken away, and families that nobody is left in.

use std::sync::Arc;

use crate::base::sync::{Ordering, lock};

use super::{COUNTED, ChildRef, Families, FamilyRef, GONE, Held, Order};

impl<T: Held, S> Families<T, S> {
    /// Takes the value of a key away; `None` if there is none.
    pub(in crate::metrics::keyed) fn remove<R>(
        &self,
        raw: &str,
        take: impl FnOnce(&T) -> Option<R>,
    ) -> Option<R> {
        let mut order = lock(&self.order);
        let child = Arc::clone(&*self.get(raw)?);
        self.take_away(&child, take, &mut order)
    }

    /// Takes away what was not updated for so long, as far as scrapes can tell: by the time of the first one that saw
    /// the last update.
    pub(in crate::metrics::keyed) fn expire(&self, now: u64, idle: u64) {
        let mut order = lock(&self.order);
        for child in order.idle(now, idle) {
            let take = |mark: u64| child.value.take_unchanged(mark).then_some(());
            let mark = order.mark_of(&child);
            if self.take_away(&child, |_| take(mark), &mut order).is_none() {
                order.saw(&child, now);
            }
        }
    }

    fn take_away<R>(
        &self,
        child: &ChildRef<T>,
        take: impl FnOnce(&T) -> Option<R>,
        order: &mut Order<T, S>,
    ) -> Option<R> {
        if child.is_gone() {
            return None;
        }
        let taken = take(&child.value)?;
        let state = child.state.fetch_or(GONE, Ordering::Relaxed);
        order.remove(child);
        if !self.children.remove(child) {
            order.gone += 1;
        }
        if let Some(family) = self.family(child.key.name()) {
            let counts = u64::from(state & COUNTED != 0);
            let left = family.children.fetch_sub(counts, Ordering::Relaxed) - counts;
            let has_overflow = family.overflow.get().is_some_and(|all| !all.is_gone());
            if left == 0 && !has_overflow {
                self.leave(&family, order);
            }
        }
        Some(taken)
    }

    /// A family without children goes too.
    fn leave(&self, family: &FamilyRef<T, S>, order: &mut Order<T, S>) {
        let was_gone = family.gone.swap(1, Ordering::Relaxed) == 1;
        if !self.by_name.remove(family) && !was_gone {
            order.gone_families += 1;
        }
    }
}
