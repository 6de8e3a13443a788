"""What comes back by mail: bounces, complaints and unsubscribe mails, read from a mailbox."""
