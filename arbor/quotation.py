"""What a pod would cost, whether it is available, and the alternatives."""

from __future__ import annotations

from dataclasses import dataclass

from gpu_catalog import CARDS
from pod_request import IDLE_MINUTES, PodRequest
from runpod_types import Offer, OutOfStockError, RunPodApi
from usage_error import UsageError

MAX_ALTERNATIVES = 6
COMFORTABLE_GB = 48  # a 3B model with prompts of 4,096 tokens: the logits alone take several times 2.8 GB


@dataclass(frozen=True)
class Quotation:
    """The price and the availability of a request in its data center: NONE, LOW, MEDIUM, HIGH or UNKNOWN."""

    request: PodRequest
    offer: Offer

    @property
    def price_per_hour_usd(self) -> float | None:
        """None: RunPod names no price of the card."""
        if self.offer.price_per_gpu_hour_usd is None:
            return None
        return self.offer.price_per_gpu_hour_usd * self.request.gpu_count + self.request.disks_usd_per_hour

    @property
    def price_max_hours_usd(self) -> float | None:
        price = self.price_per_hour_usd
        return None if price is None else price * self.request.max_hours

    @property
    def availability(self) -> str:
        place = self.request.data_center_id
        if place is None or not self.offer.data_centers:
            return self.offer.availability
        return self.offer.data_centers.get(place, "NONE")


def quote(api: RunPodApi, request: PodRequest) -> Quotation:
    """Raises UsageError if RunPod has no such pod, OutOfStockError if none is free now."""
    offers = api.offers([request.card.gpu_id], request)
    cloud = request.cloud.lower()
    if not offers or offers[0].max_count == 0:
        raise UsageError(f"--gpu-type {request.card.name}: RunPod has none in its {cloud} cloud; try the other --cloud")
    if request.gpu_count > offers[0].max_count:
        raise UsageError(
            f"--gpu-count {request.gpu_count}: a machine with {request.card.name} has at most {offers[0].max_count}"
        )
    quotation = Quotation(request, offers[0])
    if quotation.availability == "NONE":
        place = f" in {request.data_center_id}" if request.data_center_id else ""
        raise OutOfStockError(
            f"no machine with {request.gpu_count} x {request.card.name} is free{place} ({cloud} cloud)"
        )
    return quotation


def describe(request: PodRequest, quotation: Quotation | None) -> list[str]:
    """Lines for a person: the pod, and its price if there is a quotation."""
    card = request.card
    storage = (
        f"network volume {request.network_volume_id}" if request.network_volume_id else f"volume {request.volume_gb} GB"
    )
    lines = [
        f"{request.name}: {request.gpu_count} x {card.name} ({card.memory_gb} GB each), {request.cloud.lower()} cloud"
        + (f", {request.data_center_id}" if request.data_center_id else ""),
        f"  image      {request.image}, container disk {request.disk_gb} GB, {storage} at {request.mount_path}",
        f"  stops      after {request.max_hours:g} h, or {IDLE_MINUTES} minutes of idle GPUs (its volume stays)",
    ]
    if quotation is not None:
        lines += [
            _price_line(request, quotation),
            f"  available  {quotation.availability.lower()}{_places(quotation.offer)}",
        ]
    return lines + [f"  note       {note}" for note in notes(request)]


def _price_line(request: PodRequest, quotation: Quotation) -> str:
    hourly, whole = quotation.price_per_hour_usd, quotation.price_max_hours_usd
    if hourly is None or whole is None:
        return "  price      unknown: RunPod names none; look in its console before you agree"
    return f"  price      {hourly:.2f} USD/h with its disks, {whole:.2f} USD for {request.max_hours:g} h"


def notes(request: PodRequest) -> list[str]:
    """Warnings: settings that work but have a catch."""
    found = []
    if request.card.memory_gb < COMFORTABLE_GB:
        found.append(
            f"{request.card.memory_gb} GB are tight for a 3B model with long prompts; {COMFORTABLE_GB} GB are safe"
        )
    if request.public_key is None:
        found.append("no SSH key found in ~/.ssh: only keys registered with your RunPod account can open the tunnel")
    if request.public_token is not None:
        found.append("--public: anyone who learns the address can use the server, which has no password")
        found.append(
            "--public: RunPod's proxy cuts requests at 100 s, the start of a training takes longer: train by tunnel"
        )
    return found


def alternatives(api: RunPodApi, request: PodRequest) -> list[str]:
    """Lines for a person: other places of this card and other cards that are free, the cheapest first."""
    offers = {one.gpu_id: one for one in api.offers([card.gpu_id for card in CARDS], request)}
    lines = []
    for card in CARDS:
        offer = offers.get(card.gpu_id)
        if offer is None or offer.availability == "NONE" or offer.max_count < request.gpu_count:
            continue
        if card == request.card and request.data_center_id is None:
            continue  # this is what is out of stock
        price = None if offer.price_per_gpu_hour_usd is None else offer.price_per_gpu_hour_usd * request.gpu_count
        flags = f"--gpu-type {card.name}"
        shown = "     ?" if price is None else f"{price:6.2f}"
        lines.append(
            (price is None, price or 0.0, f"  {shown} USD/h  {flags:21}  {card.memory_gb:3} GB{_places(offer)}")
        )
    return [line for *_, line in sorted(lines)][:MAX_ALTERNATIVES]


def _places(offer: Offer) -> str:
    places = [f"{place} {level.lower()}" for place, level in sorted(offer.data_centers.items()) if level != "NONE"]
    return f"  ({', '.join(places)})" if places else ""
