//! The rules for `future` and `stream`, which say what a return type does not show.

use proc_macro2::Ident;
use syn::Signature;

use crate::args::Args;
use crate::shape::Returns;

/// What one of the two says of the function.
struct Claim<'a> {
    key: Option<&'a Ident>,
    is: Returns,
    other: Returns,
    what: &'static str,
    opaque: &'static str,
}

/// Refuses what cannot be true.
pub(super) fn check(args: &Args, sig: &Signature, errors: &mut Vec<syn::Error>) {
    let claims = [
        Claim {
            key: args.future.key(),
            is: Returns::Future,
            other: Returns::Stream,
            what: "future",
            opaque: "write what it resolves to: `impl Future<Output = T>`",
        },
        Claim {
            key: args.stream.key(),
            is: Returns::Stream,
            other: Returns::Future,
            what: "stream",
            opaque: "write what it yields: `impl Stream<Item = T>`",
        },
    ];
    // Both at once are a fault of their own.
    if claims.iter().all(|claim| claim.key.is_some()) {
        return;
    }
    for claim in claims {
        if let (Some(key), Some(why)) = (claim.key, claim.why_not(sig)) {
            let what = claim.what;
            let message = format!("`{what}` is for a function that returns a {what}: {why}");
            errors.push(syn::Error::new(key.span(), message));
        }
    }
}

impl Claim<'_> {
    fn why_not(&self, sig: &Signature) -> Option<String> {
        let returns = Returns::of(&sig.output);
        let why = match returns {
            _ if sig.asyncness.is_some() && self.is == Returns::Future => {
                "an `async fn` is one without saying so"
            }
            Returns::Never => "this one never returns",
            Returns::Nothing => "this one returns nothing",
            Returns::Opaque => self.opaque,
            Returns::Plain(ty) => return Some(format!("this one returns {ty}")),
            other if other == self.other => {
                return Some(format!("this one returns a {}", other.name()));
            }
            _ => return None,
        };
        Some(why.to_owned())
    }
}
