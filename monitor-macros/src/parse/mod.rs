//! What stands between the parentheses of an attribute of ours: `attribute` has the tables of arguments and the loop that reads
//! them, the other files have the values.

mod attribute;
mod buckets;
mod labels;
mod value;

#[cfg(all(test, not(feature = "off")))]
pub(crate) use attribute::keys;
pub(crate) use attribute::{Args, Arguments, Helper, Once, Place, words};
pub(crate) use buckets::Buckets;
pub(crate) use labels::{Kind, Label};
pub(crate) use value::{ErrorType, Limit, MethodName, check_name};
