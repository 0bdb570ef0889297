//! Every "not allowed" rule that needs more than one argument's own tokens. All faults are collected, so one attempt
//! shows them all.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::{LitStr, PatIdent, Signature};

use crate::item::{Block, Member, Target, bindings, type_name, typed_arguments};
use crate::parse::{Args, Faults, Name, ON_METHOD, Once, check_name};
use crate::shape::{FUTURE, Returned, STREAM, Shape, names_result};

/// Arguments and function, checked: expanding this cannot fail.
pub(crate) struct Checked {
    /// The arguments: the method's own, and those of its block.
    pub(crate) args: Args,
    /// The function.
    pub(crate) target: Target,
    /// How it is wrapped.
    pub(crate) shape: Shape,
    /// Its type.
    pub(crate) returned: Returned,
    /// The value of the label `method`.
    pub(crate) method: Name,
    /// Where its site is: at the attribute, or at the method's name where one attribute stands for several.
    pub(crate) place: Span,
    /// The names of its block's type and const parameters.
    pub(crate) outer_generics: Vec<String>,
    /// Whether those are all there are; an attribute on a single method does not see those of the block.
    pub(crate) in_block: bool,
    /// The arguments that it binds again once its call has begun.
    pub(crate) bound_again: Vec<PatIdent>,
    /// The function's arguments that the attribute mentions: they are used, even if only there.
    pub(crate) mentioned: Vec<Ident>,
}

impl Checked {
    /// Whether it is an `async fn`.
    pub(crate) fn is_async(&self) -> bool {
        self.target.sig.asyncness.is_some()
    }
}

/// Settings of an `impl` block for its methods.
#[derive(Default)]
pub(crate) struct Surroundings {
    /// The prefix of a method's name, with its `::`.
    pub(crate) prefix: String,
    /// The block's arguments.
    pub(crate) args: Args,
    /// The names of the block's type and const parameters.
    pub(crate) generics: Vec<String>,
    /// Whether there is a block.
    pub(crate) in_block: bool,
}

/// Checks arguments and function together.
pub(crate) fn function(
    mut args: Args,
    target: Target,
    around: &Surroundings,
    errors: &mut Faults,
) -> Checked {
    let sig = &target.sig;
    args.inherit_labels(&around.args, sig.receiver().is_some());
    let (shape, returned) = Shape::of(&target, &args);
    let bound_again = shape.bound_again(&target, &args);
    let names = typed_arguments(sig).flat_map(|typed| bindings(&typed.pat));
    let mut names: Vec<Ident> = names.collect();
    errors.extend(refused_shape(sig, &shape, &returned, around.in_block));
    errors.extend(exclusions(&args));
    errors.extend(misfits(&args, sig, &shape, &names));
    if args.call.value().is_some_and(|call| names.contains(call)) {
        args.call = Once::default();
    }
    names.retain(|name| args.words.contains(&name.to_string()));
    let method = args.method.value().cloned();
    let method = method.unwrap_or_else(|| {
        let ident = sig.ident.unraw();
        let mut name = LitStr::new(&format!("{}{ident}", around.prefix), ident.span());
        errors.extend(check_name("the method name", &name).err());
        name.set_span(ident.span().resolved_at(Span::mixed_site()));
        Name::Literal(name)
    });
    let [no_value, ..] = reasons(sig, &shape);
    args.inherit(
        &around.args,
        no_value.is_none(),
        names_result(&returned.value),
    );
    let in_block = around.in_block.then(|| sig.ident.span());
    Checked {
        place: in_block.unwrap_or_else(Span::mixed_site),
        outer_generics: around.generics.clone(),
        in_block: around.in_block,
        mentioned: names,
        method,
        bound_again,
        args,
        shape,
        returned,
        target,
    }
}

/// A function that cannot be monitored at all.
fn refused_shape(sig: &Signature, shape: &Shape, returned: &Returned, in_block: bool) -> Faults {
    let mut faults = Vec::new();
    if let Some(constness) = sig.constness {
        let message = "a `const fn` cannot be monitored: it may run in the compiler, where nothing can be recorded";
        faults.push(syn::Error::new(constness.span, message));
    }
    if let Shape::TrackCaller(at, _) = *shape
        && names_result(&returned.body)
    {
        let (skip, inner) = (
            "leave this one alone with `#[monitored(skip)]`",
            "put `#[monitored]` on an inner function",
        );
        let instead = if in_block { skip } else { inner };
        let message = format!(
            "`#[track_caller]` cannot be kept on a monitored function that returns a `Result`: seeing the `Result` takes a \
             closure around the body, and in a closure the caller's place is lost; {instead}"
        );
        faults.push(syn::Error::new(at, message));
    }
    faults
}

/// Arguments that exclude each other, in the same words on functions and blocks.
fn exclusions(args: &Args) -> Faults {
    let predicates = "`ok_if` and `error_if` exclude each other: a function has one of the two";
    let statuses = "`task` and `health = false` exclude each other: with `health = false` a call has no status to set";
    let shares = "`unhealthy` and `health = false` exclude each other: with `health = false` calls say nothing about health";
    let lasting = "`future` and `stream` exclude each other: a call goes on in one of them";
    let no_health = args.health.get().filter(|(_, flag)| !flag.value);
    let pairs = [
        (args.ok_if.key(), args.error_if.key(), predicates),
        (args.task.key(), no_health.map(|(key, _)| key), statuses),
        (args.unhealthy.key(), no_health.map(|(key, _)| key), shares),
        (args.future.key(), args.stream.key(), lasting),
    ];
    let both = pairs.into_iter().filter_map(|(one, other, why)| {
        let key = one.and(other)?;
        Some(syn::Error::new(key.span(), why))
    });
    both.collect()
}

/// Arguments that a function of this shape cannot have: about the value, the name of the call, a permit, `future`,
/// `stream`.
fn misfits(args: &Args, sig: &Signature, shape: &Shape, names: &[Ident]) -> Faults {
    let [value, call, permit] = reasons(sig, shape);
    let mut faults = Vec::new();
    let mut refuse = |key: Option<&Ident>, why: Option<String>| {
        let both = key.zip(why);
        faults.extend(both.map(|(key, why)| syn::Error::new(key.span(), why)));
    };
    for key in args.about_the_value() {
        let why = value.map(|why| format!("`{key}` is about the returned value, {why}"));
        refuse(Some(key), why);
    }
    let why = call.map(|why| format!("`call` cannot be bound in this body: {why}"));
    refuse(args.call.key(), why);
    let name = args.call.value().filter(|_| call.is_none());
    let clash = name.filter(|name| names.contains(name));
    let why = |name| format!("`{name}` is an argument of this function: use another name");
    refuse(clash, clash.map(why));
    let why = permit.map(|why| format!("`max_concurrency` cannot be kept here: {why}"));
    refuse(args.max_concurrency.key(), why);
    // Both at once are a fault of their own.
    if args.future.given() != args.stream.given() {
        for (key, kind) in [(args.future.key(), FUTURE), (args.stream.key(), STREAM)] {
            let word = kind.word;
            let why = |why| format!("`{word}` is for a function that returns a {word}: {why}");
            refuse(key, kind.not_returned_by(sig).map(why));
        }
    }
    faults
}

/// Why a function of this shape has no value that is looked at, no name for its call, and no permit.
fn reasons(sig: &Signature, shape: &Shape) -> [Option<&'static str>; 3] {
    let no_wait = "waiting for a permit takes an `async fn`, or a function that returns a future";
    let no_wait = sig.asyncness.is_none().then_some(no_wait);
    let streams = "a permit ends with the function, and the stream goes on";
    match shape {
        Shape::Diverging(_) => [Some("and this function never returns"), None, no_wait],
        Shape::TrackCaller(..) => [
            Some(
                "which is not looked at under `#[track_caller]`: seeing it takes a closure around the body, and in a \
                 closure the caller's place is lost",
            ),
            Some("a body under `#[track_caller]` has no access to the call"),
            no_wait,
        ],
        Shape::Future(..) => {
            let lasts = "the call goes on in the future that this function returns";
            [None, Some(lasts), None]
        }
        Shape::Stream(..) => {
            let lasts = "the call goes on in the stream that this function returns";
            [None, Some(lasts), Some(streams)]
        }
        Shape::InPlace(_, Some(_)) => [None, None, Some(streams)],
        Shape::Tail(_) | Shape::Block(..) => [None; 3],
        _ => [None, None, no_wait],
    }
}

/// An `impl` block, checked.
pub(crate) struct CheckedBlock {
    /// The block without its members.
    pub(crate) block: Block,
    /// The items between the braces.
    pub(crate) parts: Vec<Part>,
}

/// One item of a block.
pub(crate) enum Part {
    /// Left alone.
    Other(TokenStream),
    /// A method that is monitored.
    Method(Box<Checked>),
}

/// Checks a block's arguments, and each of its methods with its own.
pub(crate) fn block(args: Args, mut block: Block, errors: &mut Faults) -> CheckedBlock {
    errors.extend(exclusions(&args));
    let only_pub = args.only_pub.given() && !block.of_trait;
    let named = type_name(&block.self_type).map(|name| name.unraw().to_string());
    let prefix = args.prefix.value().map(LitStr::value).or(named);
    let (mut unnamed, nameless) = (false, prefix.is_none());
    let prefix = prefix.filter(|prefix| !prefix.is_empty());
    let around = Surroundings {
        prefix: prefix.map_or_else(String::new, |prefix| prefix + "::"),
        generics: std::mem::take(&mut block.generics),
        args,
        in_block: true,
    };
    let mut parts = Vec::new();
    for member in std::mem::take(&mut block.members) {
        let (target, own, faults) = match member {
            Member::Method(target, own, faults) => (*target, own, faults),
            Member::Other(tokens, error) => {
                errors.extend(error);
                parts.push(Part::Other(tokens));
                continue;
            }
        };
        errors.extend(faults);
        let hidden = own.is_none() && only_pub && !target.public;
        let args = Args::read(own.unwrap_or_default(), ON_METHOD, errors);
        errors.extend(beside_skip(&args));
        parts.push(if hidden || args.skip.given() {
            Part::Other(target.written())
        } else {
            unnamed |= !args.method.given();
            Part::Method(Box::new(function(args, target, &around, errors)))
        });
    }
    if unnamed && nameless {
        let message = "this type has no name to put before those of the methods: give one, `prefix = \"Name\"`, or none, \
                       `prefix = \"\"`";
        errors.push(syn::Error::new_spanned(&block.self_type, message));
    }
    CheckedBlock { block, parts }
}

/// A fault for each argument beside `skip`.
fn beside_skip(args: &Args) -> Faults {
    let mut given = args.given();
    given.retain(|key| args.skip.given() && *key != "skip");
    let fault = |key: &Ident| {
        let message =
            format!("`skip` goes alone: on a method that is left alone, `{key}` has no effect");
        syn::Error::new(key.span(), message)
    };
    given.into_iter().map(fault).collect()
}
