//! An argument that may be given once.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;

/// An argument with its key, which is where faults of the argument as a whole are reported.
pub(crate) struct Once<T>(Option<(Ident, T)>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Once<T> {
    /// The value, if the argument was given.
    pub(crate) fn value(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// The key, if the argument was given.
    pub(crate) fn key(&self) -> Option<&Ident> {
        self.0.as_ref().map(|(key, _)| key)
    }

    /// Key and value, if the argument was given.
    pub(crate) fn get(&self) -> Option<(&Ident, &T)> {
        self.0.as_ref().map(|(key, value)| (key, value))
    }

    /// Whether the argument was given.
    pub(crate) fn given(&self) -> bool {
        self.0.is_some()
    }

    /// The value, if the argument was given.
    pub(crate) fn take(self) -> Option<T> {
        self.0.map(|(_, value)| value)
    }

    /// Reads the value, or refuses the key where it was given before; the value is read all the same, so that its own
    /// faults are reported too.
    pub(crate) fn set(
        &mut self,
        key: &Ident,
        input: ParseStream<'_>,
        read: impl FnOnce(&Ident, ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<()> {
        let value = read(key, input)?;
        if self.0.is_some() {
            let message = format!("the argument `{}` is given twice", key.unraw());
            return Err(syn::Error::new(key.span(), message));
        }
        self.0 = Some((key.clone(), value));
        Ok(())
    }
}
