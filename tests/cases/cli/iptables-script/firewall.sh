#!/bin/sh
IPT=/sbin/iptables
$IPT -P FORWARD DROP
$IPT -A FORWARD -i eth0 -p tcp --dport 22 -j ACCEPT
