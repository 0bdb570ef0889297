use std::collections::VecDeque;
use std::num::NonZeroUsize;

/// How much of a list `append_stats` keeps (the original's `max_count`).
#[doc(alias = "max_count")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// The last so many values.
    Last(NonZeroUsize),
    /// The last [`Keep::DEFAULT`] values. (The original keeps all, and grows without end.)
    #[default]
    Default,
}

impl Keep {
    /// How many values a list keeps where nothing else is said.
    pub const DEFAULT: usize = 10_000;

    /// The original's `max_count`: above 0 the last so many, else the default.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Keep;
    ///
    /// assert_eq!(Keep::from_max_count(-1), Keep::Default);
    /// assert_eq!(Keep::from_max_count(5).count(), 5);
    /// ```
    pub fn from_max_count(max_count: i64) -> Self {
        let count = usize::try_from(max_count).ok().and_then(NonZeroUsize::new);
        count.map_or(Self::Default, Self::Last)
    }

    /// How many values are kept.
    pub fn count(self) -> usize {
        match self {
            Self::Last(count) => count.get(),
            Self::Default => Self::DEFAULT,
        }
    }

    /// Drops the oldest values beyond the count.
    pub(super) fn trim<T>(self, list: &mut VecDeque<T>) {
        list.drain(..list.len().saturating_sub(self.count()));
    }
}
