//! The static of a call site: all that is known of a method before its first call.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::call::{Call, place, reference};
use crate::args::{Buckets, ErrorType, Kind, MethodName};
use crate::validate::{Health, ListedLabel};

impl Call<'_> {
    /// The call site and its registration, which makes the method known before its first call. In a block of its own:
    /// as the first thing in the body, an item would keep clippy from looking at the body (`inline_always`).
    pub(super) fn site(&self) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let method = match &self.checked.site.method {
            MethodName::Literal(name) => name.to_token_stream(),
            MethodName::Constant(name) => {
                let at = place(name);
                let runtime = self.runtime(at);
                quote_spanned!(at=> #runtime::method_name(#name))
            }
        };
        let settings = self.settings();
        // What `file!` and `line!` tell is the place of these very words, or of the outermost macro they come from.
        let at = self.checked.site.place;
        let here = self.runtime(at);
        let here = quote_spanned!(at=> #here::file!(), #here::line!());
        quote_spanned! {span=>
            {
                static __MONITOR_SITE: #runtime::CallSite =
                    #runtime::CallSite::new(#method, #here, #settings);
                #runtime::inventory::submit! { #runtime::SiteEntry(&__MONITOR_SITE) }
                &__MONITOR_SITE
            }
        }
    }

    fn settings(&self) -> TokenStream {
        let span = Span::mixed_site();
        let (runtime, site) = (self.runtime(span), &self.checked.site);
        let mut settings = match &site.health {
            Health::Own => TokenStream::new(),
            Health::Task(name) => {
                quote_spanned!(span=> task: ::core::option::Option::Some(#name),)
            }
            Health::Off => quote_spanned!(span=> health: false,),
        };
        if let Some(ErrorType::Name(name)) = &self.checked.exit.error_type {
            settings.extend(quote_spanned! {span=>
                error_type: ::core::option::Option::Some(#name),
            });
        }
        if !site.expected.is_empty() {
            let names = &site.expected;
            settings.extend(quote_spanned!(span=> expected: &[#(#names),*],));
        }
        settings.extend(self.buckets());
        settings.extend(self.label_keys());
        if self.checked.limit.is_some() {
            settings.extend(quote_spanned!(span=> limited: true,));
        }
        if site.streaming {
            settings.extend(quote_spanned!(span=> streaming: true,));
        }
        if settings.is_empty() {
            return quote_spanned!(span=> #runtime::SiteSettings::NONE);
        }
        quote_spanned! {span=>
            #runtime::SiteSettings { #settings ..#runtime::SiteSettings::NONE }
        }
    }

    fn buckets(&self) -> Option<TokenStream> {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let bounds = match self.checked.site.buckets.as_ref()? {
            Buckets::Time => quote_spanned!(span=> &#runtime::TIME_BOUNDS),
            Buckets::Size => quote_spanned!(span=> &#runtime::SIZE_BOUNDS),
            Buckets::List(bounds) => {
                let bounds = bounds.iter().map(|(bound, at)| {
                    let mut literal = Literal::f64_suffixed(*bound);
                    literal.set_span(at.resolved_at(span));
                    literal
                });
                quote_spanned!(span=> #runtime::bounds(&[#(#bounds),*]))
            }
            Buckets::Constant(path) => {
                let at = place(path);
                let runtime = self.runtime(at);
                quote_spanned!(at=> #runtime::bounds(&#path))
            }
        };
        Some(quote_spanned!(span=> bounds: ::core::option::Option::Some(#bounds),))
    }

    fn label_keys(&self) -> Option<TokenStream> {
        let labels = &self.checked.entry.labels;
        if labels.is_empty() {
            return None;
        }
        let span = Span::mixed_site();
        let keys = labels.iter().map(|label| self.label_key(label));
        Some(quote_spanned!(span=> labels: &[#(#keys),*],))
    }

    fn label_key(&self, listed: &ListedLabel) -> TokenStream {
        let span = Span::mixed_site();
        let runtime = self.runtime(span);
        let name = listed.label.name.to_string();
        match (&listed.label.kind, &listed.arguments) {
            (Kind::Capped(max), _) => {
                quote_spanned!(span=> #runtime::LabelKey::capped(#name, #max))
            }
            (Kind::Bounded, None) => quote_spanned!(span=> #runtime::LabelKey::late(#name)),
            (Kind::Bounded, Some(arguments)) => {
                let patterns = arguments.iter().map(|argument| &argument.pattern);
                let types = arguments.iter().map(|argument| &argument.ty);
                let value = self.bounded(listed);
                let at = place(&listed.label.value);
                let there = self.runtime(at);
                let values = quote_spanned! {at=>
                    #there::label_values(|(#(#patterns,)*): (#(#types,)*)| #value)
                };
                quote_spanned!(span=> #runtime::LabelKey::bounded(#name, #values))
            }
        }
    }

    /// The value of a bounded label, in the same words in the static and in the call: a fault in it is one fault.
    pub(super) fn bounded(&self, listed: &ListedLabel) -> TokenStream {
        let value = &listed.label.value;
        let at = place(value);
        let (runtime, reference) = (self.runtime(at), reference(value));
        quote_spanned!(at=> #runtime::bounded(#reference))
    }
}
