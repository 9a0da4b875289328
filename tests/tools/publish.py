#!/usr/bin/env python3
"""An independent publisher: sends the lines of a JSON-lines file to RabbitMQ in their order, as a one-stop system would.

    publish.py --url amqp://guest:guest@127.0.0.1:5672/%2f events.jsonl
    traffic.py --mess 0.02 | publish.py --binary 0.3 -

Written with pika and from docs/events.md alone; it knows nothing of the adapter. Every line becomes one persistent message
on the topic exchange with the routing key `{unit}.{rest of type}` and the header `dossier` = subject, and is confirmed
by the broker before the next one goes. A line that is no JSON or lacks its attributes is sent as it is, as broken systems
do. `--binary SHARE` sends that share of the good events in binary mode (attributes as headers, the body is `data`).
Prints a JSON object of counts at the end.
"""
import argparse, json, random, sys, time

import pika

PERSISTENT = 2
PREFIX = "vn.motcua."


def unit_of(event):
    """The unit that speaks: the last part of the source, otherwise what the dossier code begins with."""
    source = event.get("source")
    if isinstance(source, str) and source.startswith("/motcua/"):
        return source.rsplit("/", 1)[-1]
    subject = event.get("subject")
    return subject.rsplit("-", 2)[0] if isinstance(subject, str) else "unknown"


def rest_of_type(event):
    """`dossier.received` of `vn.motcua.dossier.received.v1`."""
    kind = event.get("type")
    if not isinstance(kind, str):
        return "unknown"
    return kind.removeprefix(PREFIX).rsplit(".", 1)[0]


def structured(line, event):
    headers = {"dossier": event["subject"]} if isinstance(event.get("subject"), str) else {}
    return line, pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=PERSISTENT, headers=headers)


def binary(event):
    headers = {f"cloudEvents:{name}": value for name, value in event.items() if name not in ("data", "datacontenttype")}
    headers["dossier"] = event["subject"]
    body = json.dumps(event.get("data", {}), ensure_ascii=False).encode()
    return body, pika.BasicProperties(content_type=event.get("datacontenttype", "application/json"), delivery_mode=PERSISTENT, headers=headers)


def message(line, dice, share):
    """Routing key, body, properties, and how it was sent."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return "unknown.broken", line, pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=PERSISTENT), "raw"
    key = f"{unit_of(event)}.{rest_of_type(event)}"
    whole = all(isinstance(event.get(name), str) for name in ("specversion", "id", "source", "type", "subject", "time"))
    if share and whole and dice.random() < share:
        return key, *binary(event), "binary"
    return key, *structured(line, event), "structured"


class Outlet:
    """A confirmed channel that is opened again when the broker goes away; the message under way is sent again."""

    def __init__(self, url, exchange, patience):
        self.parameters = pika.URLParameters(url)
        self.exchange, self.patience = exchange, patience
        self.connection = self.channel = None
        self.reconnects = 0

    def open(self):
        deadline = time.monotonic() + self.patience
        while True:
            try:
                self.connection = pika.BlockingConnection(self.parameters)
                self.channel = self.connection.channel()
                self.channel.exchange_declare(self.exchange, exchange_type="topic", durable=True)
                self.channel.confirm_delivery()
                return
            except (pika.exceptions.AMQPError, OSError, ValueError, AssertionError):
                # A connection that is reset in the middle of its beginning trips over pika's own checks.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def send(self, key, body, properties):
        while True:
            try:
                if self.channel is None:
                    self.open()
                # mandatory: a message that no queue takes is an error here, not a silent loss.
                self.channel.basic_publish(self.exchange, key, body, properties, mandatory=True)
                return
            except pika.exceptions.UnroutableError:
                raise
            except pika.exceptions.NackError:
                time.sleep(0.2)  # the broker did not store it: again
            except (pika.exceptions.AMQPError, OSError, ValueError, AssertionError):
                self.channel = None
                self.reconnects += 1

    def rest(self, seconds):
        """Waits, and keeps the connection alive meanwhile."""
        try:
            self.connection.sleep(seconds)
        except (pika.exceptions.AMQPError, OSError, ValueError, AssertionError):
            self.channel = None
            self.reconnects += 1
            self.open()

    def close(self):
        if self.connection is not None and self.connection.is_open:
            self.connection.close()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("file", help="JSON lines; - is standard input")
    a.add_argument("--url", default="amqp://guest:guest@127.0.0.1:5672/%2f")
    a.add_argument("--exchange", default="motcua.events")
    a.add_argument("--binary", type=float, default=0.0, metavar="SHARE", help="share of the good events sent in binary mode")
    a.add_argument("--seed", type=int, default=1, help="decides which events go in binary mode")
    a.add_argument("--rate", type=float, default=0.0, help="at most so many messages a second (0: as fast as they are confirmed)")
    a.add_argument("--patience", type=float, default=60.0, help="seconds to wait for a broker that is away")
    o = a.parse_args()
    dice = random.Random(o.seed)
    counts = {"structured": 0, "binary": 0, "raw": 0}
    lines = sys.stdin.buffer if o.file == "-" else open(o.file, "rb")
    outlet = Outlet(o.url, o.exchange, o.patience)
    outlet.open()
    started = time.monotonic()
    for number, line in enumerate(filter(None, (line.strip(b"\r\n") for line in lines))):
        if o.rate:
            ahead = number / o.rate - (time.monotonic() - started)
            if ahead > 0:
                outlet.rest(ahead)
        key, body, properties, how = message(line, dice, o.binary)
        outlet.send(key, body, properties)
        counts[how] += 1
    outlet.close()
    print(json.dumps({**counts, "reconnects": outlet.reconnects, "seconds": round(time.monotonic() - started, 3)}))


if __name__ == "__main__":
    main()
