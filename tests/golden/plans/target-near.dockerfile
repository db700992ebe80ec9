#target biulder
FROM alpine AS builder
FROM alpine
