//! `#[async_trait]` under another crate's name, as tonic has it.
//@ shape: attribute under `#[tonic::async_trait]` re-export
//@ not: hostile
//@ records: say_hello = ok 1, other 1
//@ records: Greeter.Outside = ok 1, other 1

use monitor_core::monitored;
use shapes_driver::{block_on, send, yield_now};

#[tonic::async_trait]
trait Greeter {
    async fn say_hello(&self, name: String) -> Result<String, u8>;
    async fn outside(&self, name: String) -> Result<String, u8>;
}

/// A service.
#[derive(Debug)]
pub struct Service;

#[tonic::async_trait]
impl Greeter for Service {
    #[monitored]
    async fn say_hello(&self, name: String) -> Result<String, u8> {
        yield_now().await;
        if name.is_empty() {
            return Err(3);
        }
        Ok(format!("hello {}", name))
    }

    #[monitored(method = "Greeter.Outside")]
    async fn outside(&self, name: String) -> Result<String, u8> {
        let said = self.say_hello(name).await?;
        Ok(said)
    }
}

/// Runs it.
pub fn run() -> String {
    block_on(async {
        let good = send(Service.outside("a".to_owned())).await;
        format!("{:?} {:?}", good, Service.outside(String::new()).await)
    })
}
