//! What can be said in a session, written once for both kinds of session.
//!
//! The async and the blocking session differ in `async`, `.await` and what a transport has to be, and in
//! nothing else; the macro below is given these three. Everything that decides anything is in
//! [`exchange`](crate::exchange) and [`login`](crate::login).

/// Defines `Session`, its typestates' commands, and `Retrievals` over a module's `Link` and `Message`.
macro_rules! define_session {
    ([$($async:tt)?] [$($await:tt)*] [$($bound:tt)*] [$default:ty]) => {
        use std::{fmt, marker::PhantomData};

        use pop3_proto::types::{
            Command, DropListing, MessageNumber, Response, ScanListing, UniqueIdListing,
        };

        use crate::{
            Authorization, Capabilities, Connector, Error, Login, LoginError, Security, Transaction,
            exchange::{self, ask, listing, login::Outcome, window},
            login::Circumstances,
        };

        /// A session with a server, in the state `S`: [`Authorization`] until somebody has logged in,
        /// then [`Transaction`], where the maildrop is open. RFC 1939 section 3.
        ///
        /// Dropping a session in whatever state removes nothing: only [`quit`](Session::quit) does.
        pub struct Session<S, T: $($bound)* = $default> {
            link: Box<Link<T>>,
            state: PhantomData<S>,
        }

        impl<S, T: $($bound)*> fmt::Debug for Session<S, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let options = self.link.connector.options();
                f.debug_struct("Session")
                    .field("host", &options.host)
                    .field("port", &options.port)
                    .field("state", &self.link.driver.machine.state())
                    .finish_non_exhaustive()
            }
        }

        impl<S, T: $($bound)*> Session<S, T> {
            /// What the server announced, asked for when it is not known in this security context: at
            /// first, after STLS, and after the login. RFC 2449 section 5.
            ///
            /// A server that does not know CAPA is no error: see [`Capabilities::is_known`].
            ///
            /// # Errors
            ///
            /// [`Error::Io`] and [`Error::Peer`].
            pub $($async)? fn capabilities(&mut self) -> Result<&Capabilities, Error> {
                self.link.ask_capabilities()$($await)*?;
                Ok(self.link.capabilities.get_or_insert_with(Capabilities::unknown))
            }

            /// Whether the connection is encrypted.
            #[must_use]
            pub fn is_tls(&self) -> bool {
                self.link.driver.stream().is_tls()
            }

            /// The transport, TLS included.
            #[must_use]
            pub fn stream(&self) -> &Stream<T> {
                self.link.driver.stream()
            }

            /// Ends the session. In [`Transaction`] this is what makes deletions real, and the last thing
            /// that a session can do: the server removes the marked messages before it answers.
            /// RFC 1939 section 6.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`]: some marked messages were not removed. Any other error: whether they
            /// were is unknown; compare the unique-ids in the next session.
            pub $($async)? fn quit(mut self) -> Result<(), Error> {
                self.link.exchange(ask::Ask(Command::Quit))$($await)*?;
                // The answer is here; how the connection ends does not change what it said.
                let _ = self.link.close()$($await)*;
                Ok(())
            }
        }

        impl<T: $($bound)*> Session<Authorization, T> {
            /// Begins a session over a transport that is connected already, through a proxy for example.
            /// TLS is started as the connector's options say, and before anything else is said.
            ///
            /// # Errors
            ///
            /// [`Error::Unavailable`] when the server does not want to serve, [`Error::TlsUnavailable`]
            /// when it does not start TLS where that is required, [`Error::Tls`], [`Error::Io`],
            /// [`Error::Peer`].
            pub $($async)? fn open(transport: T, connector: &Connector) -> Result<Self, Error> {
                let stream = match connector.options().security {
                    Security::ImplicitTls => Self::handshake(transport, connector)$($await)*?,
                    _ => Stream::Plain(transport),
                };
                let mut link = Box::new(Link::new(stream, connector.clone()));
                link.timestamp = match link.greet()$($await)* {
                    Ok(timestamp) => timestamp,
                    Err(error) if link.driver.machine.is_mid_line() => return Err(error),
                    Err(error) => return Err(error.before_greeting(connector.options())),
                };
                let session = Self { link, state: PhantomData };
                match connector.options().security {
                    Security::ImplicitTls | Security::InsecurePlain => Ok(session),
                    Security::StlsRequired => session.start_tls()$($await)*,
                    Security::InsecureOpportunistic => session.start_tls_if_announced()$($await)*,
                }
            }

            /// Starts TLS in place, as RFC 2595 section 4 has it: nothing that was learned before it is
            /// believed after it, and octets that came before it end the session.
            ///
            /// # Errors
            ///
            /// [`Error::TlsUnavailable`] when the server says no, [`Error::Tls`] when its certificate is
            /// not accepted, [`Error::Peer`] when octets stood between the answer and the handshake,
            /// [`Error::Usage`] when TLS is there already. The connection is closed then.
            pub $($async)? fn start_tls(mut self) -> Result<Self, Error> {
                if self.is_tls() {
                    return Err(Error::Usage(pop3_proto::client::UsageError::TlsHandshakePending));
                }
                self.link.exchange(ask::Stls)$($await)*?;
                let link = self.link.upgrade()$($await)*?;
                Ok(Self { link: Box::new(link), state: PhantomData })
            }

            $($async)? fn start_tls_if_announced(mut self) -> Result<Self, Error> {
                let stls = pop3_proto::types::Capability::Stls;
                if self.capabilities()$($await)*?.contains(&stls) {
                    match self.link.exchange(ask::Stls)$($await)* {
                        Ok(()) => self.link = Box::new(self.link.upgrade()$($await)*?),
                        // Explicitly allowed: go on in clear with a server that changed its mind.
                        Err(Error::TlsUnavailable { .. }) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(self)
            }

            /// Logs in and opens the maildrop.
            ///
            /// The way is chosen from what the server announces, see [`Method`](crate::Method); a
            /// password never goes over a connection that is not encrypted, unless
            /// [`Security`] names that explicitly. Where the server refuses a mechanism as such, the next one is
            /// tried that protects the password no less; a weaker one is not.
            ///
            /// # Errors
            ///
            /// [`LoginError`]; it holds the session where the server merely refused.
            pub $($async)? fn login(
                mut self,
                login: &Login,
            ) -> Result<Session<Transaction, T>, LoginError<Self>> {
                if let Err(error) = self.link.ask_capabilities()$($await)* {
                    return Err(LoginError::new(None, error));
                }
                let mut refused = Vec::new();
                // A server may count what it refuses, so a password is sent twice at most.
                let mut was_sent_before = false;
                loop {
                    let planned = login.plan(
                        &Circumstances {
                            connector: &self.link.connector,
                            capabilities: self.link.capabilities.as_ref().unwrap_or(&Capabilities::unknown()),
                            timestamp: self.link.timestamp.as_deref(),
                            is_tls: self.is_tls(),
                            binding: binding(self.link.driver.stream()),
                        },
                        &refused.iter().map(|(mechanism, _)| *mechanism).collect::<Vec<_>>(),
                    );
                    let exchange = match (planned, refused.pop()) {
                        (Ok(exchange), last) => {
                            refused.extend(last);
                            exchange
                        }
                        (Err(_), Some((mechanism, response))) => {
                            let error = Error::MechanismRefused { mechanism, response };
                            return Err(LoginError::new(Some(self), error));
                        }
                        (Err(error), None) => return Err(LoginError::new(Some(self), error)),
                    };
                    let mechanism = exchange.mechanism();
                    match self.link.exchange(exchange)$($await)* {
                        Ok(Outcome::In) => {
                            // Servers may announce other things now. RFC 2449 section 5.
                            self.link.capabilities = None;
                            return Ok(Session { link: self.link, state: PhantomData });
                        }
                        Ok(Outcome::NotThisWay { mechanism, response, was_sent })
                            if login.may_go_another_way() && !(was_sent && was_sent_before) =>
                        {
                            was_sent_before |= was_sent;
                            refused.push((mechanism, response));
                        }
                        Ok(Outcome::NotThisWay { mechanism, response, .. }) => {
                            let error = Error::MechanismRefused { mechanism, response };
                            return Err(LoginError::new(Some(self), error));
                        }
                        Ok(Outcome::Refused(error)) => return Err(LoginError::new(Some(self), error)),
                        Err(error) => return Err(LoginError { mechanism, ..LoginError::new(None, error) }),
                    }
                }
            }
        }

        impl<T: $($bound)*> Session<Transaction, T> {
            /// Sets [`Options::max_message`](crate::Options::max_message) for this session from here on.
            pub const fn set_max_message(&mut self, octets: u64) {
                self.link.driver.machine.set_max_message(octets);
            }

            /// STAT: how many messages are not marked as deleted, and their octets. RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`], [`Error::Io`], [`Error::Peer`].
            pub $($async)? fn stat(&mut self) -> Result<DropListing, Error> {
                self.link.exchange(ask::stat())$($await)*
            }

            /// LIST: the size of every message that is not marked. RFC 1939 section 5.
            ///
            /// In the server's order, every message at most once; sizes are what the server says. A
            /// message for which it names no size that makes sense is left out.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`], [`Error::Io`], [`Error::Peer`].
            pub $($async)? fn list(&mut self) -> Result<Vec<ScanListing>, Error> {
                self.link.exchange(listing::list())$($await)*
            }

            /// LIST n: the size of one message. RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`] when there is no such message or it is marked; [`Error::Io`],
            /// [`Error::Peer`].
            pub $($async)? fn list_one(&mut self, number: MessageNumber) -> Result<ScanListing, Error> {
                self.link.exchange(ask::list_one(number))$($await)*
            }

            /// UIDL: the unique-id of every message that is not marked. RFC 1939 section 7.
            ///
            /// Two messages may bear one unique-id: servers in the field do that to copies. A message for
            /// which the server names none that makes sense is left out.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`], also by a server that has no unique-ids; [`Error::Io`],
            /// [`Error::Peer`].
            pub $($async)? fn uidl(&mut self) -> Result<Vec<UniqueIdListing<'static>>, Error> {
                self.link.exchange(listing::uidl())$($await)*
            }

            /// UIDL n: the unique-id of one message. RFC 1939 section 7.
            ///
            /// # Errors
            ///
            /// As for [`list_one`](Self::list_one).
            pub $($async)? fn uidl_one(
                &mut self,
                number: MessageNumber,
            ) -> Result<UniqueIdListing<'static>, Error> {
                self.link.exchange(ask::uidl_one(number))$($await)*
            }

            /// RETR: a message, to be read as it comes. RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`] when there is no such message, it is marked, or the server cannot read
            /// it; [`Error::Io`], [`Error::Peer`].
            pub $($async)? fn retr(&mut self, number: MessageNumber) -> Result<Message<'_, T>, Error> {
                self.link.exchange(ask::Ask(Command::Retr(number)))$($await)*?;
                Ok(Message::new(&mut self.link))
            }

            /// TOP: the header of a message, the empty line and so many lines of the body.
            /// RFC 1939 section 7.
            ///
            /// # Errors
            ///
            /// As for [`retr`](Self::retr); also [`Error::Refused`] by a server that has no TOP.
            pub $($async)? fn top(
                &mut self,
                number: MessageNumber,
                lines: u32,
            ) -> Result<Message<'_, T>, Error> {
                self.link.exchange(ask::Ask(Command::Top { number, lines }))$($await)*?;
                Ok(Message::new(&mut self.link))
            }

            /// RETR for many messages, several of them under way where the server announces PIPELINING.
            /// RFC 2449 section 6.6.
            ///
            /// # Errors
            ///
            /// [`Error::Io`] and [`Error::Peer`].
            pub $($async)? fn retr_many<I: IntoIterator<Item = MessageNumber>>(
                &mut self,
                numbers: I,
            ) -> Result<Retrievals<'_, T, I::IntoIter>, Error> {
                self.repeat(numbers.into_iter(), window::Repeated::Retr)$($await)*
            }

            /// TOP for many messages, several of them under way where the server announces PIPELINING.
            ///
            /// # Errors
            ///
            /// [`Error::Io`] and [`Error::Peer`].
            pub $($async)? fn top_many<I: IntoIterator<Item = MessageNumber>>(
                &mut self,
                numbers: I,
                lines: u32,
            ) -> Result<Retrievals<'_, T, I::IntoIter>, Error> {
                self.repeat(numbers.into_iter(), window::Repeated::Top { lines })$($await)*
            }

            $($async)? fn repeat<I: Iterator<Item = MessageNumber>>(
                &mut self,
                numbers: I,
                command: window::Repeated,
            ) -> Result<Retrievals<'_, T, I>, Error> {
                self.link.ask_capabilities()$($await)*?;
                self.link.settle()$($await)*?;
                let size = self.link.connector.options().window();
                Ok(Retrievals {
                    window: window::Window::new(numbers, command, size),
                    link: &mut self.link,
                })
            }

            /// DELE: marks a message as deleted. It is removed by [`quit`](Session::quit).
            /// RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`] when there is no such message or it is marked already; [`Error::Io`],
            /// [`Error::Peer`].
            pub $($async)? fn dele(&mut self, number: MessageNumber) -> Result<(), Error> {
                self.link.exchange(ask::Ask(Command::Dele(number)))$($await)*
            }

            /// DELE for many messages, several under way where the server announces PIPELINING. Gives the
            /// messages that the server did not mark, and what it said.
            ///
            /// # Errors
            ///
            /// [`Error::Io`] and [`Error::Peer`].
            pub $($async)? fn dele_many<I: IntoIterator<Item = MessageNumber>>(
                &mut self,
                numbers: I,
            ) -> Result<Vec<(MessageNumber, Response<'static>)>, Error> {
                self.link.ask_capabilities()$($await)*?;
                self.link.settle()$($await)*?;
                let size = self.link.connector.options().window();
                let mut deletions = window::DeleteAll::new(numbers.into_iter(), size);
                if deletions.is_over(&mut self.link.driver.machine)? {
                    return Ok(Vec::new());
                }
                self.link.go_on(deletions)$($await)*
            }

            /// RSET: takes back all marks. RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`], [`Error::Io`], [`Error::Peer`].
            pub $($async)? fn rset(&mut self) -> Result<(), Error> {
                self.link.exchange(ask::Ask(Command::Rset))$($await)*
            }

            /// NOOP: nothing, but the server's autologout timer starts anew. RFC 1939 section 5.
            ///
            /// # Errors
            ///
            /// [`Error::Refused`], [`Error::Io`], [`Error::Peer`].
            pub $($async)? fn noop(&mut self) -> Result<(), Error> {
                self.link.exchange(ask::Ask(Command::Noop))$($await)*
            }
        }

        /// Messages that come one after the other, from [`retr_many`](Session::retr_many) or
        /// [`top_many`](Session::top_many).
        ///
        /// A message that is not read to its end is skipped by the next call. When this is dropped before
        /// its end, the next command reads and discards what is still under way.
        #[derive(Debug)]
        pub struct Retrievals<'s, T: $($bound)*, I> {
            link: &'s mut Link<T>,
            window: window::Window<I>,
        }

        /// One of many messages.
        #[derive(Debug)]
        pub struct Retrieved<'s, T: $($bound)*> {
            /// Which.
            pub number: MessageNumber,
            /// Its content, or why the server did not send it; the others still come.
            pub message: Result<Message<'s, T>, Error>,
        }

        impl<T: $($bound)*, I: Iterator<Item = MessageNumber>> Retrievals<'_, T, I> {
            /// The next message, in the order of the numbers; nothing after the last.
            ///
            /// No [`Iterator`], since a message borrows the session until it is read.
            ///
            /// # Errors
            ///
            /// [`Error::Io`] and [`Error::Peer`]: no more messages come.
            #[allow(clippy::should_implement_trait, reason = "the item borrows from the iterator")]
            pub $($async)? fn next(&mut self) -> Result<Option<Retrieved<'_, T>>, Error> {
                self.link.skip_body()$($await)*?;
                if self.window.is_over(&mut self.link.driver.machine)? {
                    return Ok(None);
                }
                let next = window::NextResponse(&mut self.window);
                let (number, refusal) = self.link.go_on(next)$($await)*?;
                let message = match refusal {
                    None => Ok(Message::new(self.link)),
                    Some(response) => Err(window::refused(self.window.keyword(), response)),
                };
                Ok(Some(Retrieved { number, message }))
            }
        }

        impl<T: $($bound)*> Link<T> {
            /// Asks for the capabilities, unless they are known or CAPA shall not be sent.
            $($async)? fn ask_capabilities(&mut self) -> Result<(), Error> {
                if self.capabilities.is_some() {
                    return Ok(());
                }
                let capabilities = match self.connector.options().asks_capabilities {
                    true => self.exchange(listing::capa())$($await)*?,
                    false => Capabilities::unknown(),
                };
                self.capabilities = Some(capabilities);
                Ok(())
            }

            /// A conversation of its own: what is left of an earlier one is read and discarded first.
            $($async)? fn exchange<X: exchange::Exchange>(&mut self, exchange: X) -> Result<X::Output, Error> {
                self.settle()$($await)*?;
                self.go_on(exchange)$($await)*
            }

            /// A conversation among others that are under way.
            $($async)? fn go_on<X: exchange::Exchange>(
                &mut self,
                mut exchange: X,
            ) -> Result<X::Output, Error> {
                exchange.begin(&mut self.driver.machine)?;
                self.run(|machine, event| exchange.on_event(machine, event))$($await)*?
            }

            $($async)? fn settle(&mut self) -> Result<(), Error> {
                if self.driver.machine.outstanding() > 0 {
                    self.run(exchange::settle)$($await)*?;
                }
                self.is_mid_body = false;
                self.refuse_unasked()
            }

            $($async)? fn skip_body(&mut self) -> Result<(), Error> {
                if self.is_mid_body {
                    self.run(exchange::skip_body)$($await)*?;
                    self.is_mid_body = false;
                }
                self.refuse_unasked()
            }

            /// What came while nothing was asked would be taken for the answer to the next command, and
            /// every answer after it for that to the one before. RFC 1939 section 3.
            fn refuse_unasked(&self) -> Result<(), Error> {
                if self.driver.machine.outstanding() > 0 || self.driver.unread().is_empty() {
                    return Ok(());
                }
                Err(Error::Peer(pop3_proto::client::PeerMisbehaved::UnsolicitedResponse))
            }
        }
    };
}

pub(crate) use define_session;
