//! Recording a real session into a transcript, and serving it again.
//!
//! A [`Recorder`] stands between a client and a server and writes down what they say, without the secrets:
//!
//! ```no_run
//! use pop3_testkit::record::{Recorder, Scrub, Upstream};
//!
//! let recorder = Recorder::new(Upstream::plain("pop.example.org", 110)).scrub(Scrub::everything());
//! let recording = recorder.listen("127.0.0.1:0")?;
//! println!("connect a client to {}", recording.address());
//! std::fs::write("session.txt", recording.session()?.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Replay`] serves such a transcript, or one that was written by hand, to as many clients as come, as
//! long as they say what it says:
//!
//! ```
//! use pop3_testkit::record::Replay;
//! use std::{io::{Read as _, Write as _}, net::{Shutdown, TcpStream}};
//!
//! let text = "S: +OK ready\nC: USER *\nS~ +OK\\n\n";
//! let replaying = Replay::new(&text.parse()?).serve()?;
//! let mut client = TcpStream::connect(replaying.address())?;
//! client.write_all(b"USER alice\r\n")?;
//! let mut said = String::new();
//! client.read_to_string(&mut said)?;
//! assert_eq!(said, "+OK ready\r\n+OK\n");
//! replaying.wait_for_session()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod matching;
mod recorder;
mod replay;
mod scrub;
mod turns;
mod upstream;

pub use recorder::{RecordError, Recorder, Recording};
pub use replay::{Replay, ReplayError, Replaying};
pub use scrub::Scrub;
pub use upstream::{Security, Upstream};
