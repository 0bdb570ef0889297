//! The pieces all expansions are made of: the body, the values read off the arguments when a call begins, and the
//! verdict, a closure that reads the outcome off the returned value.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Type};

use crate::attribute::{FOLLOWS_STREAMS, READS_RESPONSES};
use crate::parse::{Args, Label, Name, words};
use crate::shape::{Borrow, ResponseStream, Shape, ends_in_a_statement, is_unit, may_be_result};
use crate::tokens::{in_parentheses, is};
use crate::validate::Checked;

/// One function, while it is expanded.
pub(crate) struct Call<'a> {
    pub(crate) checked: &'a Checked,
    pub(crate) args: &'a Args,
    /// The block that runs as the call.
    pub(super) block: &'a Group,
    /// The type of its value.
    pub(super) ty: &'a Type,
}

impl<'a> Call<'a> {
    /// This block, of that type, as the call.
    pub(super) fn of(checked: &'a Checked, block: &'a Group, ty: &'a Type) -> Self {
        Self {
            checked,
            args: &checked.args,
            block,
            ty,
        }
    }

    /// The body as the call.
    pub(crate) fn new(checked: &'a Checked) -> Self {
        Self::of(checked, &checked.target.block, &checked.returned.body)
    }
}

impl Call<'_> {
    /// The module all generated paths go through.
    pub(crate) fn runtime(&self, span: Span) -> TokenStream {
        match self.args.crate_path.value() {
            None => quote_spanned!(span=> ::monitor_core::__private),
            Some(path) => quote_spanned!(span=> #path::__private),
        }
    }

    /// The same, with macro hygiene.
    pub(crate) fn mixed_runtime(&self) -> TokenStream {
        self.runtime(Span::mixed_site())
    }

    /// A call of one of its functions, or of another path there.
    pub(crate) fn runs(&self, at: Span, function: &str, arguments: &TokenStream) -> TokenStream {
        let (runtime, function) = (self.runtime(at), Ident::new(function, at));
        quote_spanned!(at=> #runtime::#function(#arguments))
    }

    /// The expression that the runtime starts the call from. It stands in each expansion once, because it contains the
    /// static.
    pub(super) fn start(&self) -> TokenStream {
        if !self.reads_arguments() {
            return self.without_a_caller(self.site());
        }
        let start = mixed!(__monitor_start);
        if self.starts_with_its_arguments() {
            return start;
        }
        self.without_a_caller(start)
    }

    /// The same start, of a call that has no caller if the attribute has a `root`.
    fn without_a_caller(&self, start: TokenStream) -> TokenStream {
        if !self.args.root.given() {
            return start;
        }
        let runtime = self.mixed_runtime();
        mixed!(#runtime::Root(#start))
    }

    /// True if the call starts where its arguments are read: they are larger than a call, and would be kept over the
    /// awaits.
    fn starts_with_its_arguments(&self) -> bool {
        self.checked.is_async() && !matches!(self.checked.shape, Shape::Sync)
    }

    pub(super) fn sync(&self) -> TokenStream {
        let (runtime, start) = (self.mixed_runtime(), self.start());
        // Errors about the type point at the closure's type, if it has one. If that is a `Result` with a large error,
        // clippy would report the closure too (`result_large_err`).
        let says_it = !may_be_result(self.ty) || ends_in_a_statement(&self.block.stream());
        let call = self.args.call.value();
        let named = |name| mixed!(#name: &mut #runtime::CallGuard);
        let parameter = call.map_or_else(|| mixed!(_), named);
        let ty = self.ty;
        let closure = self.closure(&parameter, says_it.then_some(ty));
        let (verdict, give) = (self.verdict(), self.give());
        mixed!(#give #runtime::run_sync::<#ty, _>(#start, #closure, #verdict))
    }

    /// Before the value.
    pub(super) fn give(&self) -> Option<TokenStream> {
        let unit = is_unit(self.ty) && !self.checked.is_async();
        (!unit).then(|| mixed!(return))
    }

    /// The body as a closure, with its type if nothing else names that.
    pub(super) fn closure(&self, parameter: &TokenStream, ty: Option<&Type>) -> TokenStream {
        let block = self.block;
        let ty = ty.filter(|ty| !matches!(ty, Type::Infer(_)));
        let ty = ty.map(|ty| mixed!(-> #ty));
        let head = quote_spanned!(self.begin()=> move |#parameter|);
        quote!(#head #ty #block)
    }

    /// Where a closure or future of the body begins. If there is a `return` in it, it is the user's, so that
    /// `needless_return` looks into it; else not, so that its last line counts as covered once, not twice.
    pub(super) fn begin(&self) -> Span {
        if words(self.block.stream()).contains("return") {
            self.block.span_open()
        } else {
            Span::mixed_site()
        }
    }

    /// The type of the value the outcome is read from.
    pub(crate) fn value(&self) -> TokenStream {
        self.given_by(&self.checked.returned.value)
    }

    /// The type of the value that something of this type gives, which may be a future or stream that does not show it.
    /// At the type: the compiler reports the same for all places that name it, and so once.
    pub(super) fn given_by(&self, ty: &Type) -> TokenStream {
        let Some(alias) = self.checked.returned.given_by else {
            return ty.to_token_stream();
        };
        let at = place(ty);
        let (runtime, alias) = (self.runtime(at), Ident::new(alias, at));
        quote_spanned!(at=> #runtime::#alias<#ty>)
    }

    /// The output of an inner future has no place to be annotated: a `return` that is never taken names the type, so
    /// that the user's returns and tail are coerced as before. It stands at the declared type, where errors point.
    pub(super) fn body_edge(&self) -> Option<TokenStream> {
        match self.ty {
            // One that never returns has no edge, and no type to name.
            Type::Infer(_) | Type::Never(_) => None,
            ty => Some(self.edge_of(place(ty), &ty.to_token_stream())),
        }
    }

    /// The same for the future that is the call, where the function returns one.
    pub(crate) fn edge(&self) -> Option<TokenStream> {
        let returned = &self.checked.returned;
        let named = returned.given_by.is_some() || !matches!(returned.value, Type::Infer(_));
        named.then(|| self.edge_of(place(&returned.value), &self.value()))
    }

    fn edge_of(&self, at: Span, ty: &TokenStream) -> TokenStream {
        let runtime = self.runtime(at);
        // In a path, a type that is not there would be reported in other words than in the signature, so twice.
        let edge =
            quote_spanned!(at=> let __monitor_edge: #ty = #runtime::edge(); return __monitor_edge;);
        mixed!(if false { #edge })
    }

    /// Whether anything is read off the arguments when a call begins.
    pub(super) fn reads_arguments(&self) -> bool {
        let args = self.args;
        args.labels.given() || args.request_size.given() || args.deadline.given()
    }

    /// Each argument is read in a statement of its own: a borrow that one takes, such as a lock, ends before the next.
    pub(super) fn entry(&self) -> TokenStream {
        let args = self.call_args(|| self.site());
        let limit = self.counted_limit();
        let limit = limit.map(|limit| mixed!(let __monitor_limit = #limit;));
        mixed!(#args #limit)
    }

    /// The limit, if it is an expression.
    pub(crate) fn counted_limit(&self) -> Option<TokenStream> {
        let count = self.args.max_concurrency.value()?.as_ref()?;
        Some(self.runs(place(count), "limit", &reference(count)))
    }

    /// Reads the labels, the size and the deadline of a call off the arguments. In statements, so that temporaries are
    /// dropped.
    pub(crate) fn call_args(&self, site: impl FnOnce() -> TokenStream) -> TokenStream {
        if !self.reads_arguments() {
            return TokenStream::new();
        }
        let (args, runtime) = (self.args, self.mixed_runtime());
        let first = self.labelled_args(&site());
        let mut statements = mixed!(let __monitor_start = #first;);
        let observed = [args.request_size.get(), args.deadline.get()];
        for (key, value) in observed.into_iter().flatten() {
            let at = place(value);
            let (method, reference) = (Ident::new(&key.to_string(), at), reference(value));
            let noted = quote_spanned!(at=> __monitor_start.#method(#reference));
            statements.extend(mixed!(let __monitor_start = #noted;));
        }
        if self.starts_with_its_arguments() {
            let start = self.without_a_caller(mixed!(__monitor_start));
            let start = mixed!(#runtime::Start::start(#start));
            statements.extend(mixed!(let __monitor_start = #start;));
        }
        statements
    }

    /// The arguments with the labels, in a block: they do not outlive it.
    fn labelled_args(&self, site: &TokenStream) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let Some(labels) = self.args.labels.value() else {
            return mixed!(#runtime::CallArgs::new(#site));
        };
        let name = |at: usize| Ident::new(&format!("__monitor_label_{at}"), span);
        let names: Vec<Ident> = (0..labels.len()).map(name).collect();
        let values = labels.iter().map(|label| self.label_value(label));
        let refusals = labels
            .iter()
            .filter_map(|label| self.refuse_known_types(label));
        mixed! {{
            #(#refusals)*
            #(let #names = #values;)*
            #runtime::CallArgs::new(#site).labels([#(::core::convert::Into::into(&#names)),*])
        }}
    }

    /// The value of a label. That of a bounded one is in the same words in the static: a fault in it is one fault.
    pub(super) fn label_value(&self, label: &Label) -> TokenStream {
        let function = label.max.as_ref().map_or("bounded", |_| "text");
        self.runs(place(&label.value), function, &reference(&label.value))
    }

    /// The closure that reads the outcome off the value. A future or stream outlives the function, so it cannot borrow
    /// the arguments that an expression names.
    pub(super) fn verdict(&self) -> TokenStream {
        let lasts = self.checked.shape.outlives_the_function();
        self.judge(lasts.then(|| mixed!(move)))
    }

    /// The same, with a `move` or without.
    pub(crate) fn judge(&self, own: Option<TokenStream>) -> TokenStream {
        let size = self.args.response_size.value();
        let asked = self.predicate().map(|(predicate, _)| predicate).or(size);
        // A borrow in the expressions starts at this span.
        let span = asked.map_or_else(Span::mixed_site, place);
        let (own, outcome) = (own.filter(|_| asked.is_some()), self.outcome());
        let Some(size) = size else {
            return quote_spanned!(span=> #own |__monitor_value, _| #outcome);
        };
        let size = self.response_size(size);
        quote_spanned!(span=> #own |__monitor_value, __monitor_call| { #size; #outcome })
    }

    /// The predicate of the value, and a `!` where the predicate is true for failures.
    fn predicate(&self) -> Option<(&Expr, Option<TokenStream>)> {
        let (success, failure) = (self.args.ok_if.value(), self.args.error_if.value());
        let failure = failure.map(|holds| (holds, Some(mixed!(!))));
        success.map(|holds| (holds, None)).or(failure)
    }

    fn outcome(&self) -> TokenStream {
        let error_type = self.args.error_type.value();
        let mut outcome = match error_type {
            Some(Name::Path(path)) => self.ask("error_type", path),
            _ => self.probe(),
        };
        if READS_RESPONSES && self.may_hold_a_response() {
            let runtime = self.mixed_runtime();
            outcome.extend(mixed!(.and(#runtime::Probe::new(__monitor_value).ok_outcome())));
        }
        if let Some((predicate, not)) = self.predicate() {
            let holds = self.ask("holds", predicate);
            outcome.extend(mixed!(.ok_if(#not #holds)));
        }
        if let Some(Name::Literal(name)) = error_type {
            outcome.extend(mixed!(.named(#name)));
        }
        outcome
    }

    /// True unless the value is surely no `Result`.
    fn may_hold_a_response(&self) -> bool {
        let value = &self.checked.returned.value;
        matches!(value, Type::Infer(_)) || may_be_result(value)
    }

    /// True if the value may be a response with a stream, with which the call then ends.
    pub(super) fn follows_a_stream(&self) -> bool {
        let checked = self.checked;
        FOLLOWS_STREAMS
            && (checked.is_async() || checked.shape.outlives_the_function())
            && checked.returned.stream.is_some()
    }

    /// The end of the call with its value: the method of the call, and its arguments.
    pub(super) fn finish_with(&self, at: Span) -> (TokenStream, TokenStream) {
        let verdict = self.verdict();
        if !self.follows_a_stream() {
            let finish = quote_spanned!(at=> finish);
            return (finish, quote_spanned!(at=> __monitor_value, #verdict));
        }
        let runtime = self.runtime(at);
        let is_opaque = self.checked.returned.stream == Some(ResponseStream::Opaque);
        let end = Ident::new(if is_opaque { "opaque_end" } else { "end" }, at);
        let end = quote_spanned!(at=> #runtime::Probe::new(&__monitor_value).#end());
        let finish = quote_spanned!(at=> finish_at);
        (finish, quote_spanned!(at=> #end, __monitor_value, #verdict))
    }

    /// Calls a function of the attribute on the value.
    fn ask(&self, function: &str, question: &(impl ToTokens + Spanned)) -> TokenStream {
        let at = place(question);
        let asked = quote_spanned!(at=> __monitor_value, #question);
        self.runs(at, function, &asked)
    }

    /// Looks at the value, as one with an error that may borrow or not.
    fn probe(&self) -> TokenStream {
        let runtime = self.mixed_runtime();
        match &self.checked.returned.borrow {
            Borrow::Never => mixed!(#runtime::Probe::new(__monitor_value).outcome()),
            Borrow::Maybe => mixed!(#runtime::Probe::borrowing(__monitor_value).outcome()),
            Borrow::AsIn(ty) => {
                let ty = self.given_by(ty);
                // Where it is an argument of a path, a type that is not there would be reported in other words than in
                // the signature, so twice.
                let ty = mixed!(#runtime::ReturnType::of(|_: fn(&()) -> #ty| {}));
                mixed!(#ty.probe(__monitor_value).outcome())
            }
        }
    }

    /// Notes the size of `__monitor_value` with `__monitor_call`.
    fn response_size(&self, size: &Expr) -> TokenStream {
        let at = place(size);
        let runtime = self.runtime(at);
        let value = quote_spanned!(at=> #runtime::Probe::new(__monitor_value).get());
        let noted = quote_spanned!(at=> __monitor_call, #value, #size);
        self.runs(at, "response_size", &noted)
    }
}

/// Spans for type errors in the body's result: first and last token of its last expression.
pub(super) fn last_expression(body: &Group) -> (Span, Span) {
    let tokens: Vec<TokenTree> = body.stream().into_iter().collect();
    let last = tokens.rsplit(|end| is(end, ';')).next().unwrap_or_default();
    let end = body.span_close();
    let [from, to] = [last.first(), last.last()].map(|token| token.map_or(end, TokenTree::span));
    let hygiene = Span::mixed_site();
    (from.resolved_at(hygiene), to.resolved_at(hygiene))
}

/// The span for errors about an expression.
pub(crate) fn place(expression: &impl Spanned) -> Span {
    expression.span().resolved_at(Span::mixed_site())
}

/// A reference to an expression: a place is borrowed, not moved.
fn reference(expression: &Expr) -> TokenStream {
    let at = place(expression);
    let inner = in_parentheses(expression.to_token_stream(), at);
    quote_spanned!(at=> &#inner)
}
